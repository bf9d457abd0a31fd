/** How long a token is to live, to choose from; no days are forever. */
export const LIFETIMES: [number, string][] = [
	[7, '7 days'],
	[30, '30 days'],
	[90, '90 days'],
	[365, 'A year'],
	[0, 'No end']
];

const DAY_MS = 86_400_000;

/** When something that lives `days` from `now` on ends, as the API takes it. */
export function expiresAt(days: number, now: Date): string | undefined {
	return days > 0 ? new Date(now.getTime() + days * DAY_MS).toISOString() : undefined;
}

/** Whether something with this end has ended. */
export function hasEnded(end: string | null | undefined, now: Date): boolean {
	return end != null && new Date(end) <= now;
}
