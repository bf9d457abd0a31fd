import type { Schemas } from '$lib/api/client';

type Queue = Pick<Schemas['Queue'], 'script_id' | 'topic' | 'waiting' | 'running' | 'dead' | 'oldest_accepted_at'>;
type Subscription = Pick<Schemas['Subscription'], 'script_id' | 'topic'>;

/** How PiCloud's own topics begin. */
const OWN = 'picloud.';

/** How the topics of messages of MQTT brokers begin. */
const OF_BROKERS = 'mqtt:';

/** Whether people and clients publish on it. On all others events come by themselves. */
export function isFree(topic: string): boolean {
	return !topic.startsWith(OWN) && !topic.startsWith(OF_BROKERS);
}

/** What a subscription to all messages of a broker names. */
export function ofBroker(name: string): string {
	return `${OF_BROKERS}${name}/*`;
}

/** Whether a subscription to `pattern` gets what is published on `topic`. */
export function covers(pattern: string, topic: string): boolean {
	if (!pattern.endsWith('*')) return pattern === topic;
	const start = pattern.slice(0, -1);
	// Only who names PiCloud's own topics gets them.
	return topic.startsWith(start) && (!topic.startsWith(OWN) || start.startsWith(OWN));
}

/** What waits for a subscriber, runs for it, and is dead. */
export interface Depth {
	waiting: number;
	running: number;
	dead: number;
	/** Since when the first of those that wait does. */
	oldest?: string;
}

/** What the queues hold for a subscription: those of its script, on its topics. */
export function depthOf({ script_id, topic }: Subscription, queues: Queue[]): Depth {
	return sum(queues.filter((queue) => queue.script_id === script_id && queue.topic !== null && covers(topic, queue.topic)));
}

/** Several queues together. */
export function sum(queues: Queue[]): Depth {
	const depth: Depth = { waiting: 0, running: 0, dead: 0 };
	for (const { waiting, running, dead, oldest_accepted_at: since } of queues) {
		depth.waiting += waiting;
		depth.running += running;
		depth.dead += dead;
		if (since && (!depth.oldest || since < depth.oldest)) depth.oldest = since;
	}
	return depth;
}

/** Subscriptions by their topics, in the order of these. */
export function byTopic<S extends Subscription>(subscriptions: S[]): [string, S[]][] {
	const groups = new Map<string, S[]>();
	for (const subscription of subscriptions) groups.set(subscription.topic, [...(groups.get(subscription.topic) ?? []), subscription]);
	return [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** What PiCloud tells of itself. */
export const OWN_TOPICS = [
	'picloud.delivery.dead',
	'picloud.docs.*',
	'picloud.kv.changed',
	'picloud.kv.deleted',
	'picloud.release',
	'picloud.schedule.missed',
	'picloud.script.failed',
	'picloud.users.changed',
	'picloud.users.created',
	'picloud.users.deleted'
];
