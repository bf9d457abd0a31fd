import type { operations } from '$lib/api/schema';

type Query = NonNullable<operations['list_audit']['parameters']['query']>;

/** Which records somebody wants to see. Empty texts mean all. */
export interface Filter {
	app: string;
	actor: string;
	action: string;
	outcome: string;
	target: string;
	/** The first day, such as `2026-03-01`. */
	from: string;
	/** The last day. */
	until: string;
}

const KEYS = ['app', 'actor', 'action', 'outcome', 'target', 'from', 'until'] as const;
const DAY = /^\d{4}-\d{2}-\d{2}$/;

export function readFilter(params: URLSearchParams): Filter {
	const read = KEYS.map((key) => [key, params.get(key) ?? '']);
	return Object.fromEntries(read) as unknown as Filter;
}

/** The filter as the query of an address. */
export function writeFilter(filter: Filter): string {
	const set = KEYS.filter((key) => filter[key] !== '').map((key) => [key, filter[key]]);
	return set.length > 0 ? `?${new URLSearchParams(set)}` : '';
}

export function isFiltered(filter: Filter): boolean {
	return KEYS.some((key) => filter[key] !== '');
}

/** The filter as the API takes it. Days are those of the reader, and both are meant. */
export function queryOf(filter: Filter): Query {
	return {
		app: filter.app || undefined,
		actor: filter.actor.trim() || undefined,
		// As the log shows it or as the API names it.
		action: filter.action.trim().toLowerCase().replaceAll(' ', '_') || undefined,
		outcome: (filter.outcome || undefined) as Query['outcome'],
		target: filter.target.trim() || undefined,
		since: dayStart(filter.from, 0),
		until: dayStart(filter.until, 1)
	};
}

/** The moment at which the day that is `later` days after `day` begins. */
function dayStart(day: string, later: number): string | undefined {
	if (!DAY.test(day)) return undefined;
	const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
	return new Date(year, month - 1, date + later).toISOString();
}
