import { expect, test } from 'vitest';
import { asDestination, chosenDestination } from './destination';

test('a destination is nobody, a topic or a script', () => {
	expect(asDestination(chosenDestination(null))).toBeNull();
	expect(asDestination(chosenDestination({ script_id: null, topic: 'failed' }))).toEqual({ topic: 'failed' });
	expect(asDestination(chosenDestination({ script_id: 'a', topic: null }))).toEqual({ script_id: 'a' });
});
