import { expect, test } from 'vitest';
import { indexLines, readIndexes } from './indexes';

test('indexes are one on each line, and some are unique', () => {
	expect(readIndexes('  address.city \n\nemail  Unique\n')).toEqual([
		{ path: 'address.city', unique: false },
		{ path: 'email', unique: true }
	]);
	// A part that is called so is no mark.
	expect(readIndexes('unique')).toEqual([{ path: 'unique', unique: false }]);
});

test('what is declared is typed as it is read', () => {
	const indexes = [
		{ path: 'address.city', unique: false, ready: true },
		{ path: 'unique', unique: true, ready: false }
	];
	expect(indexLines(indexes)).toBe('address.city\nunique unique');
	expect(readIndexes(indexLines(indexes))).toEqual(indexes.map(({ path, unique }) => ({ path, unique })));
});
