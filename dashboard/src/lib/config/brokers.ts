// What people type about a broker, what is sent of it, and how its connection is said to be.
import type { Schemas } from '$lib/api/client';

type Version = Schemas['PutBroker']['version'];

export interface BrokerForm {
	name: string;
	url: string;
	/** Certificates in PEM; empty for the authorities that browsers trust. */
	ca: string;
	version: NonNullable<Version>;
	username: string;
	password: string;
	/** One on each line; ` qos 0` after it for what may get lost. */
	filters: string;
	is_paused: boolean;
}

const LOSSY = / +qos +0$/i;

/** What stands in the fields at first. No password: the server gives none out. */
export function form(broker: Schemas['Broker'] | null): BrokerForm {
	return {
		name: broker?.name ?? '',
		url: broker?.url ?? '',
		ca: broker?.ca ?? '',
		version: (broker?.version ?? '5') as BrokerForm['version'],
		username: broker?.username ?? '',
		password: '',
		filters: (broker?.filters ?? []).map(({ filter, qos }) => (qos === 0 ? `${filter} qos 0` : filter)).join('\n'),
		is_paused: broker?.is_paused ?? false
	};
}

/** What is sent. What has no field here stays as it is. */
export function body(typed: BrokerForm, broker: Schemas['Broker'] | null): Schemas['PutBroker'] {
	const lines = typed.filters.split('\n').map((line) => line.trim());
	return {
		url: typed.url.trim(),
		ca: typed.ca.trim() ? typed.ca : null,
		version: typed.version,
		client_id: broker?.client_id ?? null,
		username: typed.username.trim() || null,
		password: typed.password || null,
		keep_alive_s: broker?.keep_alive_s ?? null,
		filters: lines.filter(Boolean).map((line) => ({ filter: line.replace(LOSSY, ''), qos: LOSSY.test(line) ? 0 : 1 })),
		is_paused: typed.is_paused
	};
}

const TONES = { connected: 'ok', connecting: 'warn', held: 'bad', paused: 'neutral', elsewhere: 'info' } as const;

/** How it looks that a connection is like that. */
export function tone(status: string): (typeof TONES)[keyof typeof TONES] {
	return TONES[status as keyof typeof TONES] ?? 'neutral';
}

/** What is to be said of a connection beside its status: what went wrong, as long as it is not well, and what was not taken. */
export function trouble({ state }: Schemas['Broker']): string[] {
	const wrong = ['connecting', 'held'].includes(state.status) && state.error ? [state.error] : [];
	const refused = state.refused > 0 ? [`${state.refused} not taken; the last: ${state.refusal ?? 'unknown'}`] : [];
	return [...wrong, ...refused];
}
