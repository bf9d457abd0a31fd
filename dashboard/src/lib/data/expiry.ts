/** How long something is kept, as somebody chooses it. */
export const TTL_UNITS = [
	['seconds', 1],
	['minutes', 60],
	['hours', 3_600],
	['days', 86_400]
] as const;

export type TtlUnit = (typeof TTL_UNITS)[number][0];

/** A time to live in seconds. */
export function seconds(count: number, unit: TtlUnit): number {
	const size = TTL_UNITS.find(([name]) => name === unit)?.[1] ?? 1;
	return Math.max(1, Math.round(count * size));
}

/** The seconds that are left until `at`; at least one, as what is over is not there any more. */
export function secondsLeft(at: string, now: Date): number {
	return Math.max(1, Math.ceil((new Date(at).getTime() - now.getTime()) / 1_000));
}
