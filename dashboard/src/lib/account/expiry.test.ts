import { expect, test } from 'vitest';
import { expiresAt, hasEnded } from './expiry';

const now = new Date('2026-03-01T12:00:00Z');

test('an end is so many days later, or there is none', () => {
	expect(expiresAt(30, now)).toBe('2026-03-31T12:00:00.000Z');
	expect(expiresAt(0, now)).toBeUndefined();
});

test('what has no end has not ended', () => {
	expect(hasEnded(null, now)).toBe(false);
	expect(hasEnded('2026-03-01T11:59:59Z', now)).toBe(true);
	expect(hasEnded('2026-03-01T12:00:01Z', now)).toBe(false);
});
