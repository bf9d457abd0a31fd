import type { Schemas } from '$lib/api/client';

/** A policy for failures, in the units that people think in. */
export interface TypedRetry {
	attempts: number;
	delayS: number;
	ageH: number;
}

const DEFAULT: Schemas['RetryPolicy'] = { attempts_max: 5, first_delay_ms: 10_000, max_age_s: 86_400 };

export function typedRetry({ attempts_max, first_delay_ms, max_age_s }: Schemas['RetryPolicy'] = DEFAULT): TypedRetry {
	return { attempts: attempts_max, delayS: first_delay_ms / 1_000, ageH: max_age_s / 3_600 };
}

export function untypedRetry({ attempts, delayS, ageH }: TypedRetry): Schemas['RetryPolicy'] {
	return { attempts_max: attempts, first_delay_ms: Math.round(delayS * 1_000), max_age_s: Math.round(ageH * 3_600) };
}

/** In a line: "up to 5 runs, within a day". */
export function retryWords({ attempts_max, max_age_s }: Schemas['RetryPolicy']): string {
	return `up to ${attempts_max} ${attempts_max === 1 ? 'run' : 'runs'}, within ${spanWords(max_age_s)}`;
}

/** How long it may take: "90 s", "10 min", "24 h", "7 days". */
export function spanWords(seconds: number): string {
	if (seconds < 120) return `${digits(seconds)} s`;
	if (seconds < 3_600) return `${digits(seconds / 60)} min`;
	return seconds < 48 * 3_600 ? `${digits(seconds / 3_600)} h` : `${digits(seconds / 86_400)} days`;
}

function digits(value: number): string {
	return String(Math.round(value * 10) / 10);
}
