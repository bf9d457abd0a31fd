// What people type about a broker, what is sent of it, and how its connection is said to be.
import type { Schemas } from '$lib/api/client';
import { count } from '$lib/events/words';

type Version = Schemas['PutBroker']['version'];

export interface BrokerForm {
	name: string;
	url: string;
	/** Certificates in PEM; empty for the authorities that browsers trust. */
	ca: string;
	version: NonNullable<Version>;
	/** Empty for one that the server makes up. */
	clientId: string;
	keepAliveS: number | null;
	username: string;
	password: string;
	/** One on each line; ` qos 0` after it for what may get lost. */
	filters: string;
	is_paused: boolean;
}

const LOSSY = / +qos +0$/i;

/** What stands in the fields at first. No password: the server gives none out. */
export function form(broker?: Schemas['Broker']): BrokerForm {
	return {
		name: broker?.name ?? '',
		url: broker?.url ?? '',
		ca: broker?.ca ?? '',
		version: (broker?.version ?? '5') as BrokerForm['version'],
		clientId: broker?.client_id ?? '',
		keepAliveS: broker?.keep_alive_s ?? 60,
		username: broker?.username ?? '',
		password: '',
		filters: (broker?.filters ?? []).map(({ filter, qos }) => (qos === 0 ? `${filter} qos 0` : filter)).join('\n'),
		is_paused: broker?.is_paused ?? false
	};
}

/** What is sent. */
export function body(typed: BrokerForm): Schemas['PutBroker'] {
	return {
		url: typed.url.trim(),
		ca: typed.ca.trim() ? typed.ca : null,
		version: typed.version,
		client_id: typed.clientId.trim() || null,
		username: typed.username.trim() || null,
		password: typed.password || null,
		keep_alive_s: typed.keepAliveS,
		filters: lines(typed).map((line) => ({ filter: line.replace(LOSSY, ''), qos: LOSSY.test(line) ? 0 : 1 })),
		is_paused: typed.is_paused
	};
}

/** What is wrong with the filters, as the server says it of the one that has a number in its list. */
export function filtersFault(typed: BrokerForm, fields: { field: string; message: string }[]): string | undefined {
	const found = fields.find(({ field }) => field.startsWith('filters'));
	const number = /^filters\[(\d+)\]/.exec(found?.field ?? '')?.[1];
	const line = number === undefined ? undefined : lines(typed)[Number(number)];
	return found && line !== undefined ? `${line}: ${found.message}` : found?.message;
}

function lines({ filters }: BrokerForm): string[] {
	return filters
		.split('\n')
		.map((line) => line.trim())
		.filter(Boolean);
}

const TONES = { connected: 'ok', connecting: 'warn', held: 'bad', paused: 'neutral', elsewhere: 'info' } as const;

/** How it looks that a connection is like that. */
export function tone(status: string): (typeof TONES)[keyof typeof TONES] {
	return TONES[status as keyof typeof TONES] ?? 'neutral';
}

/** Something to be said of a connection beside its status, and when it was, where that matters. */
interface Remark {
	text: string;
	at?: string;
}

/** What went wrong with a connection, and what was not taken. One that is there again tells what it was: a filter may not be heard. */
export function remarks({ state }: Pick<Schemas['Broker'], 'state'>): Remark[] {
	const { status, error, error_at, refused, refusal } = state;
	const found: Remark[] = [];
	if (status === 'elsewhere') found.push({ text: 'another server has the connection' });
	if (error && ['connected', 'connecting', 'held'].includes(status)) found.push({ text: status === 'connected' ? `last fault: ${error}` : error, at: error_at ?? undefined });
	if (refused > 0) found.push({ text: `${count(refused, 'message was', 'messages were')} not taken; the last: ${refusal ?? 'unknown'}` });
	return found;
}
