import type { Schemas } from '$lib/api/client';

/** Who is told of an end, as somebody chooses it: nobody, a topic, or the id of a script. */
export interface ChosenDestination {
	to: string;
	topic: string;
}

/** The choice of a topic, which is no id. */
export const TOPIC = 'topic';

export function chosenDestination(destination?: Schemas['Destination'] | null): ChosenDestination {
	if (destination?.topic) return { to: TOPIC, topic: destination.topic };
	return { to: destination?.script_id ?? '', topic: '' };
}

/** The choice, as the API takes it. */
export function asDestination({ to, topic }: ChosenDestination): Schemas['SetDestination'] | null {
	if (to === '') return null;
	return to === TOPIC ? { topic: topic.trim() } : { script_id: to };
}

/** Who is told of what, each in a line: "when it is done: invoice". */
export function toldWords({ on_success, on_failure }: Pick<Schemas['Subscription'], 'on_success' | 'on_failure'>, names: Map<string, string>): string[] {
	const told = (when: string, to: Schemas['Destination'] | null) => (to ? [`${when}: ${to.topic ? `whoever subscribes to ${to.topic}` : (names.get(to.script_id ?? '') ?? 'a script that is gone')}`] : []);
	return [...told('when it is done', on_success), ...told('when it is dead', on_failure)];
}
