import type { operations } from '$lib/api/schema';

type Query = NonNullable<operations['list_executions']['parameters']['query']>;

/** Which runs somebody wants to see. Empty texts mean all. */
export interface Filter {
	q: string;
	script: string;
	status: string;
	trigger: string;
	/** How far back, as one of {@link SPANS}. */
	span: string;
	/** Two moments, in place of a span. */
	since: string;
	until: string;
}

export const STATUSES = ['success', 'error', 'timeout', 'limit_exceeded', 'cancelled'];
export const TRIGGERS = ['http', 'execute', 'test', 'async', 'event', 'schedule'];
export const SPANS: [string, string][] = [
	['15m', 'Last 15 minutes'],
	['1h', 'Last hour'],
	['24h', 'Last 24 hours'],
	['7d', 'Last 7 days']
];
export const ALL: Filter = { q: '', script: '', status: '', trigger: '', span: '', since: '', until: '' };

const MINUTE_MS = 60_000;
const SPAN_MS: Record<string, number> = { '15m': 15 * MINUTE_MS, '1h': 60 * MINUTE_MS, '24h': 1_440 * MINUTE_MS, '7d': 10_080 * MINUTE_MS };
const KEYS = ['q', 'script', 'status', 'trigger', 'span', 'since', 'until'] as const;

export function readFilter(params: URLSearchParams): Filter {
	const filter = { ...ALL };
	for (const key of KEYS) filter[key] = params.get(key) ?? '';
	// An address that somebody typed may hold anything.
	for (const key of ['since', 'until'] as const) if (Number.isNaN(Date.parse(filter[key]))) filter[key] = '';
	return filter;
}

/** The filter as the query of an address. */
export function writeFilter(filter: Filter): string {
	const set = KEYS.filter((key) => filter[key] !== '').map((key) => [key, filter[key]]);
	return set.length > 0 ? `?${new URLSearchParams(set)}` : '';
}

export function isFiltered(filter: Filter): boolean {
	return KEYS.some((key) => filter[key] !== '');
}

/** The time that the filter leaves, at the time `now`. */
export function timeOf({ span, since, until }: Filter, now: Date): { since?: string; until?: string } {
	if (since || until) return { since: since || undefined, until: until || undefined };
	const ms = SPAN_MS[span];
	return ms ? { since: new Date(now.getTime() - ms).toISOString() } : {};
}

/** What the filter says beside the time, as the API takes it. */
export function kindOf({ q, script, status, trigger }: Filter) {
	return {
		q: q || undefined,
		script: script || undefined,
		status: (status || undefined) as Query['status'],
		trigger: (trigger || undefined) as Query['trigger']
	};
}

/** The filter as the API takes it, at the time `now`. */
export function queryOf(filter: Filter, now: Date): Query {
	return { ...kindOf(filter), ...timeOf(filter, now) };
}
