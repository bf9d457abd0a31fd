import type { operations } from '$lib/api/schema';

type Query = NonNullable<operations['list_executions']['parameters']['query']>;

/** Which runs somebody wants to see. Empty texts mean all. */
export interface Filter {
	q: string;
	script: string;
	status: string;
	trigger: string;
	span: string;
}

export const STATUSES = ['success', 'error', 'timeout', 'limit_exceeded', 'cancelled'];
export const TRIGGERS = ['http', 'execute', 'test'];
export const SPANS: [string, string][] = [
	['15m', 'Last 15 minutes'],
	['1h', 'Last hour'],
	['24h', 'Last 24 hours'],
	['7d', 'Last 7 days']
];

const MINUTE_MS = 60_000;
const SPAN_MS: Record<string, number> = { '15m': 15 * MINUTE_MS, '1h': 60 * MINUTE_MS, '24h': 1_440 * MINUTE_MS, '7d': 10_080 * MINUTE_MS };
const KEYS = ['q', 'script', 'status', 'trigger', 'span'] as const;

export function readFilter(params: URLSearchParams): Filter {
	const [q = '', script = '', status = '', trigger = '', span = ''] = KEYS.map((key) => params.get(key) ?? '');
	return { q, script, status, trigger, span };
}

/** The filter as the query of an address. */
export function writeFilter(filter: Filter): string {
	const set = KEYS.filter((key) => filter[key] !== '').map((key) => [key, filter[key]]);
	return set.length > 0 ? `?${new URLSearchParams(set)}` : '';
}

export function isFiltered(filter: Filter): boolean {
	return KEYS.some((key) => filter[key] !== '');
}

/** The filter as the API takes it, at the time `now`. */
export function queryOf({ q, script, status, trigger, span }: Filter, now: Date) {
	const ms = SPAN_MS[span];
	return {
		q: q || undefined,
		script: script || undefined,
		status: (status || undefined) as Query['status'],
		trigger: (trigger || undefined) as Query['trigger'],
		since: ms ? new Date(now.getTime() - ms).toISOString() : undefined
	};
}
