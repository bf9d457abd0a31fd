import { expect, test } from 'vitest';
import { ALL, isFiltered, queryOf, readFilter, writeFilter } from './filter';

test('a filter survives its address', () => {
	const filter = { ...ALL, q: 'a & b', status: 'error', since: '2026-03-01T12:00:00.000Z', until: '2026-03-01T13:00:00.000Z' };
	expect(readFilter(new URLSearchParams(writeFilter(filter)))).toEqual(filter);
	expect(writeFilter(ALL)).toBe('');
	expect(isFiltered(ALL)).toBe(false);
});

test('a moment that is none is no filter', () => {
	expect(readFilter(new URLSearchParams('since=yesterday&until='))).toEqual(ALL);
});

test('a span is a moment to the API, and what is empty is not asked for', () => {
	const now = new Date('2026-03-01T12:00:00Z');
	expect(queryOf({ ...ALL, span: '1h' }, now)).toEqual({ since: '2026-03-01T11:00:00.000Z' });
	expect(queryOf({ ...ALL, span: 'nonsense' }, now)).toEqual({});
	expect(queryOf({ ...ALL, span: '1h', since: '2026-01-01T00:00:00Z' }, now)).toEqual({ since: '2026-01-01T00:00:00Z' });
});
