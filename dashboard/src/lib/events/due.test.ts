import { expect, test } from 'vitest';
import { areFine, dueWords, inZone, typed, untyped } from './due';

test('what is there survives the form', () => {
	for (const due of [
		{ kind: 'cron', pattern: '30 3 * * *', zone: 'Europe/Rome' },
		{ kind: 'every', seconds: 5_400, anchor: '2026-11-29T12:00:00Z' },
		{ kind: 'every', seconds: 90 }
	]) {
		expect(untyped(typed(due))).toEqual(due);
	}
	const once = untyped(typed({ kind: 'at', at: '2026-12-24T18:00:00Z' }));
	expect(once).toEqual({ kind: 'at', at: '2026-12-24T18:00:00.000Z' });
});

test('intervals are told in the largest unit that fits', () => {
	expect(typed({ kind: 'every', seconds: 7_200 })).toMatchObject({ every: 2, unit: 'hours' });
	expect(dueWords({ kind: 'every', seconds: 86_400 })).toBe('every day');
	expect(dueWords({ kind: 'every', seconds: 90 })).toBe('every 90 seconds');
	expect(dueWords({ kind: 'at', at: '2026-12-24T18:00:00Z' })).toBe('once');
	expect(dueWords({ kind: 'cron', pattern: '@daily', zone: 'UTC' })).toBe('@daily in UTC');
});

test('a moment is told by the clock of a zone', () => {
	expect(inZone('2026-03-29T01:00:00Z', 'Europe/Rome')).toBe('Sun, Mar 29, 03:00');
	expect(inZone('2026-03-29T01:00:07Z', 'Europe/Rome', areFine(['2026-03-29T01:00:00Z', '2026-03-29T01:00:07Z']))).toBe('Sun, Mar 29, 03:00:07');
	expect(areFine(['2026-03-29T01:00:00Z'])).toBe(false);
	expect(inZone('2026-03-29T01:00:00Z', 'Nowhere/Land')).toBe('Sun, Mar 29, 01:00 UTC');
});

test('a moment that is none is left to the server to refuse', () => {
	expect(untyped({ ...typed(), kind: 'at', at: 'soon' })).toEqual({ kind: 'at', at: 'soon' });
});
