import { expect, test } from 'vitest';
import { readIndexes } from './indexes';

test('indexes are one on each line, and some are unique', () => {
	expect(readIndexes('  address.city \n\nemail  Unique\n')).toEqual([
		{ path: 'address.city', unique: false },
		{ path: 'email', unique: true }
	]);
	// A part that is called so is no mark.
	expect(readIndexes('unique')).toEqual([{ path: 'unique', unique: false }]);
});
