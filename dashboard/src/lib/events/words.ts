import type { Schemas } from '$lib/api/client';

type Delivery = Pick<Schemas['Delivery'], 'state' | 'reason' | 'origin' | 'topic'>;
type Tone = 'neutral' | 'ok' | 'warn' | 'bad' | 'info' | 'accent';

const TONES: Record<string, Tone> = { waiting: 'info', running: 'accent', done: 'ok', dead: 'bad', cancelled: 'warn', ran: 'ok', late: 'warn', skipped: 'neutral', missed: 'bad', expired: 'bad' };

/** How the state of a delivery, or of a row of a ledger, looks. */
export function toneOf(state: string): Tone {
	return TONES[state] ?? 'neutral';
}

const REASONS: Record<string, string> = {
	exhausted: 'Its script failed as often as it may.',
	never: 'Its script said that trying again is of no use.',
	expired: 'It became older than it may.',
	poison: 'The server ended while it ran, too often.',
	script_gone: 'Its script is gone.',
	unreadable: 'What is stored of it cannot be read.',
	still_running: 'a run was going',
	one_waits: 'one was waiting already',
	too_many_running: 'too many were running',
	replaced: 'a newer one ran instead',
	inactive: 'the schedule was paused or deleted',
	not_caught_up: 'it is not made up for',
	newer_came: 'a newer one came',
	too_old: 'it was too old',
	too_many: 'there were too many'
};

/** Why a delivery is dead, or an occurrence did not run. */
export function reasonWords(reason: string | null | undefined): string | undefined {
	return reason ? (REASONS[reason] ?? reason.replaceAll('_', ' ')) : undefined;
}

/** What a delivery is of. */
export function deliveryTitle({ topic, origin }: Pick<Delivery, 'topic' | 'origin'>): string {
	if (topic) return topic;
	return origin === 'schedule' ? 'schedule' : origin === 'invoke' ? 'asynchronous request' : origin;
}

/** A number of things: "1 event", "12 events". */
export function count(many: number, one: string, more = `${one}s`): string {
	return `${many.toLocaleString('en')} ${many === 1 ? one : more}`;
}
