import { expect, test } from 'vitest';
import { asDestination, chosenDestination, toldWords } from './destination';

test('a destination is nobody, a topic or a script', () => {
	expect(asDestination(chosenDestination(null))).toBeNull();
	expect(asDestination(chosenDestination({ script_id: null, topic: 'failed' }))).toEqual({ topic: 'failed' });
	expect(asDestination(chosenDestination({ script_id: 'a', topic: null }))).toEqual({ script_id: 'a' });
});

test('who is told is said with names', () => {
	const names = new Map([['a', 'invoice']]);
	expect(toldWords({ on_success: { script_id: 'a', topic: null }, on_failure: { script_id: null, topic: 'orders.failed' } }, names)).toEqual([
		'when it is done: invoice',
		'when it is dead: whoever subscribes to orders.failed'
	]);
	expect(toldWords({ on_success: null, on_failure: { script_id: 'b', topic: null } }, names)).toEqual(['when it is dead: a script that is gone']);
});
