import { expect, test } from 'vitest';
import { isFiltered, queryOf, readFilter, writeFilter } from './filter';

const none = { app: '', actor: '', action: '', outcome: '', target: '', from: '', until: '' };

test('a filter survives its address', () => {
	const filter = { ...none, actor: 'ada & co', outcome: 'denied', from: '2026-03-01' };
	expect(readFilter(new URLSearchParams(writeFilter(filter)))).toEqual(filter);
	expect(writeFilter(none)).toBe('');
	expect(isFiltered(none)).toBe(false);
	expect(isFiltered(filter)).toBe(true);
});

test('the last day is meant too, and what is empty is not asked for', () => {
	const query = queryOf({ ...none, from: '2026-03-31', until: '2026-03-31' });
	expect(new Date(query.since ?? '')).toEqual(new Date(2026, 2, 31));
	expect(new Date(query.until ?? '')).toEqual(new Date(2026, 3, 1));
	expect(queryOf({ ...none, from: 'nonsense' })).toEqual({});
});

test('an action is found as it is shown', () => {
	expect(queryOf({ ...none, action: 'Create script ' }).action).toBe('create_script');
});
