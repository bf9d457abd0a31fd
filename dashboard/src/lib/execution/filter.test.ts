import { expect, test } from 'vitest';
import { isFiltered, queryOf, readFilter, writeFilter } from './filter';

const none = { q: '', script: '', status: '', trigger: '', span: '' };

test('a filter survives its address', () => {
	const filter = { ...none, q: 'a & b', status: 'error', span: '1h' };
	expect(readFilter(new URLSearchParams(writeFilter(filter)))).toEqual(filter);
	expect(writeFilter(none)).toBe('');
	expect(isFiltered(none)).toBe(false);
});

test('a span is a moment to the API, and what is empty is not asked for', () => {
	expect(queryOf({ ...none, span: '1h' }, new Date('2026-03-01T12:00:00Z'))).toEqual({ since: '2026-03-01T11:00:00.000Z' });
	expect(queryOf({ ...none, span: 'nonsense' }, new Date())).toEqual({});
});
