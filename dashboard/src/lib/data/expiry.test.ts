import { expect, test } from 'vitest';
import { seconds, secondsLeft } from './expiry';

test('a time to live is whole seconds, and at least one', () => {
	expect(seconds(90, 'seconds')).toBe(90);
	expect(seconds(1.5, 'hours')).toBe(5_400);
	expect(seconds(2, 'days')).toBe(172_800);
	expect(seconds(0, 'minutes')).toBe(1);
});

test('what is left does not end before its time', () => {
	const now = new Date('2026-01-01T00:00:00.000Z');
	expect(secondsLeft('2026-01-01T00:01:00.500Z', now)).toBe(61);
	expect(secondsLeft('2025-12-31T00:00:00.000Z', now)).toBe(1);
});
