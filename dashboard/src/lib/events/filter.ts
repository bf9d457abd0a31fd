import type { operations } from '$lib/api/schema';

type Query = NonNullable<operations['list_deliveries']['parameters']['query']>;

/** Which deliveries somebody wants to see. Empty texts mean all. */
export interface Filter {
	state: string;
	script: string;
	topic: string;
	origin: string;
}

export const STATES = ['waiting', 'running', 'done', 'dead', 'cancelled'];
export const ORIGINS: [string, string][] = [
	['subscription', 'Subscriptions'],
	['schedule', 'Schedules'],
	['invoke', 'Asynchronous requests'],
	['destination', 'Told of an end']
];
const KEYS = ['state', 'script', 'topic', 'origin'] as const;

export function readFilter(params: URLSearchParams): Filter {
	const [state = '', script = '', topic = '', origin = ''] = KEYS.map((key) => params.get(key) ?? '');
	return { state, script, topic, origin };
}

/** The filter as the query of an address. */
export function writeFilter(filter: Filter): string {
	const set = KEYS.filter((key) => filter[key] !== '').map((key) => [key, filter[key]]);
	return set.length > 0 ? `?${new URLSearchParams(set)}` : '';
}

/** The filter as the API takes it. */
export function queryOf({ state, script, topic, origin }: Filter): Query {
	return {
		state: (state || undefined) as Query['state'],
		script: script || undefined,
		topic: topic || undefined,
		origin: (origin || undefined) as Query['origin']
	};
}
