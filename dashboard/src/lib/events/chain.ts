import type { Schemas } from '$lib/api/client';
import { deliveryTitle } from './words';

type Chain = Schemas['Chain'];
type Run = Schemas['Execution'];

/** A link of a chain of causes and effects, with what follows from it. */
export interface Link {
	kind: 'request' | 'event' | 'delivery' | 'run' | 'missing';
	id: string;
	title: string;
	/** What else there is to say in a few words. */
	detail?: string;
	/** Of a delivery. */
	delivery?: Schemas['Delivery'];
	/** Of a request and a run. */
	run?: Run;
	/** When it began; unknown for what is no longer kept. */
	at?: string;
	effects: Link[];
}

/**
 * A chain as a tree: a request or an event, its deliveries, their runs, the events of these and so on. What is no longer
 * kept, or never was, is said where others follow from it. `names` are those of scripts.
 */
export function tree(chain: Chain, names: Map<string, string>): Link[] {
	const runs = new Map(chain.executions.map((run) => [run.id, linkOfRun(run)]));
	const deliveries = new Map(chain.deliveries.map((delivery) => [delivery.id, linkOfDelivery(delivery, names)]));
	const events = new Map(chain.events.map((event) => [event.id, linkOfEvent(event, chain)]));
	const missing = new Map<string, Link>();
	const first: Link[] = [];

	/** What `id` names in `known`, or a link in its place that says that it is missing. */
	const causeIn = (known: Map<string, Link>, id: string, title: string): Link => {
		const found = known.get(id) ?? missing.get(id);
		if (found) return found;
		const gone: Link = { kind: 'missing', id, title, effects: [] };
		missing.set(id, gone);
		first.push(gone);
		return gone;
	};
	const together = new Map(chain.deliveries.map(({ id, execution_id }) => [execution_id, id]));
	for (const { id, cause_id } of chain.events) {
		const event = events.get(id)!;
		if (cause_id === null) first.push(event);
		else causeIn(runs, cause_id, 'A run without a record').effects.push(event);
	}
	for (const { id, event_id } of chain.deliveries) events.get(event_id)?.effects.push(deliveries.get(id)!);
	for (const { id, delivery } of chain.executions) {
		const run = runs.get(id)!;
		// One for several events, the first of which is in another chain, stands where one of them is here.
		const here = delivery && (deliveries.get(delivery.id) ?? deliveries.get(together.get(id) ?? ''));
		if (!delivery) first.push(run);
		else if (here) here.effects.push(run);
		else causeIn(missing, delivery.id, delivery.root_id === chain.root_id ? 'An event that is no longer kept' : 'An event of another chain').effects.push(run);
	}
	// What ran together with others has its run where the first of them has.
	for (const { id, execution_id } of chain.deliveries) {
		const delivery = deliveries.get(id)!;
		if (execution_id && delivery.effects.every((run) => run.id !== execution_id)) delivery.effects.push(runElsewhere(execution_id, runs.get(execution_id)));
	}
	for (const link of [...runs.values(), ...events.values(), ...deliveries.values(), ...missing.values()]) link.effects.sort(byTime);
	// What began it stands first.
	return first.sort((a, b) => Number(b.id === chain.root_id) - Number(a.id === chain.root_id) || byTime(a, b));
}

/** How long after `begun` something was: "+1.2 s". */
export function after(begun: string, at: string): string {
	const ms = Date.parse(at) - Date.parse(begun);
	if (ms < 1_000) return `+${Math.max(0, Math.round(ms))} ms`;
	if (ms < 60_000) return `+${(ms / 1_000).toFixed(1)} s`;
	if (ms < 3_600_000) return `+${(ms / 60_000).toFixed(1)} min`;
	return `+${(ms / 3_600_000).toFixed(1)} h`;
}

function linkOfRun(run: Run): Link {
	const { id, script_name, started_at: at, delivery, request } = run;
	if (delivery) return { kind: 'run', id, title: script_name, detail: delivery.events > 1 ? `run ${delivery.attempt}, for ${delivery.events} events` : `run ${delivery.attempt}`, run, at, effects: [] };
	return { kind: 'request', id, title: `${request.method} ${request.path}`, detail: `to ${script_name}`, run, at, effects: [] };
}

/** A run that follows from another delivery as well, or of which nothing is known here. */
function runElsewhere(id: string, run?: Link): Link {
	return { kind: 'run', id, title: run?.title ?? 'its last run', detail: run ? 'the same run' : undefined, run: run?.run, at: run?.at, effects: [] };
}

function linkOfDelivery(delivery: Schemas['Delivery'], names: Map<string, string>): Link {
	const { id, script_id, accepted_at: at } = delivery;
	return { kind: 'delivery', id, title: `to ${names.get(script_id) ?? 'a script that is gone'}`, delivery, at, effects: [] };
}

function linkOfEvent({ id, topic, source, time: at }: Schemas['ChainEvent'], chain: Chain): Link {
	const origin = chain.deliveries.find(({ event_id }) => event_id === id)?.origin ?? 'subscription';
	return { kind: 'event', id, title: deliveryTitle({ topic, origin }), detail: `from ${source}`, at, effects: [] };
}

function byTime(a: Link, b: Link): number {
	return (a.at ?? '') < (b.at ?? '') ? -1 : (a.at ?? '') > (b.at ?? '') ? 1 : 0;
}
