import { expect, test } from 'vitest';
import { byTopic, covers, depthOf, isFree, ofBroker, sum } from './topics';

const queue = (script_id: string, topic: string | null, waiting: number, dead = 0, oldest_accepted_at: string | null = null) => ({ script_id, topic, waiting, running: 1, dead, oldest_accepted_at });

test('a pattern covers a topic, or those that begin like it', () => {
	expect(covers('orders.placed', 'orders.placed')).toBe(true);
	expect(covers('orders', 'orders.placed')).toBe(false);
	expect(covers('orders.*', 'orders.placed')).toBe(true);
	expect(covers('orders.*', 'orders')).toBe(false);
	expect(covers('*', 'anything')).toBe(true);
	expect(covers('*', 'picloud.delivery.dead')).toBe(false);
	expect(covers('pic*', 'picloud.delivery.dead')).toBe(false);
	expect(covers('pic*', 'pictures.taken')).toBe(true);
	expect(covers('picloud.*', 'picloud.delivery.dead')).toBe(true);
});

test('what waits for a subscriber is what waits for its script on its topics', () => {
	const queues = [queue('a', 'orders.placed', 2, 1, '2026-03-02T00:00:00Z'), queue('a', 'orders.paid', 3, 0, '2026-03-01T00:00:00Z'), queue('a', 'other', 9), queue('a', null, 9), queue('b', 'orders.paid', 9)];
	expect(depthOf({ script_id: 'a', topic: 'orders.*' }, queues)).toEqual({ waiting: 5, running: 2, dead: 1, oldest: '2026-03-01T00:00:00Z' });
	expect(depthOf({ script_id: 'c', topic: '*' }, queues)).toEqual({ waiting: 0, running: 0, dead: 0 });
	expect(sum(queues).waiting).toBe(32);
});

test('subscribers stand with their topic', () => {
	const of = (topic: string, script_id: string) => ({ topic, script_id });
	expect(byTopic([of('b', '1'), of('a', '2'), of('b', '3')])).toEqual([
		['a', [of('a', '2')]],
		['b', [of('b', '1'), of('b', '3')]]
	]);
});

test('nobody publishes on topics of PiCloud and of brokers', () => {
	expect(['orders.placed', 'mqtt', 'picloud'].every(isFree)).toBe(true);
	expect(['picloud.release', 'mqtt:home/lamp'].some(isFree)).toBe(false);
});

test('a subscription gets all messages of a broker, and of no other', () => {
	expect(covers(ofBroker('home'), 'mqtt:home/lamp')).toBe(true);
	expect(covers(ofBroker('home'), 'mqtt:home-2/lamp')).toBe(false);
});
