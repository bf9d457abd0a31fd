import { expect, test } from 'vitest';
import { queryOf, readFilter, writeFilter } from './filter';

test('a filter survives its address', () => {
	const filter = { state: 'dead', script: 'a', topic: 'orders.placed', origin: 'subscription' };
	expect(readFilter(new URLSearchParams(writeFilter(filter)))).toEqual(filter);
	expect(writeFilter(readFilter(new URLSearchParams()))).toBe('');
});

test('what is empty is not asked for', () => {
	expect(queryOf({ state: '', script: '', topic: 'a', origin: '' })).toEqual({ topic: 'a' });
});
