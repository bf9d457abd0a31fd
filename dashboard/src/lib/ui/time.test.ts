import { expect, test } from 'vitest';
import { bytes, clockTime, duration, relativeTime } from './time';

const now = new Date('2026-03-01T12:00:00Z');
const before = (seconds: number) => new Date(now.getTime() - seconds * 1_000);

test('times are told in the largest unit that fits', () => {
	expect(relativeTime(before(3), now)).toBe('just now');
	expect(relativeTime(before(42), now)).toBe('42 seconds ago');
	expect(relativeTime(before(60), now)).toBe('1 minute ago');
	expect(relativeTime(before(7_300), now)).toBe('2 hours ago');
	expect(relativeTime(before(86_400), now)).toBe('yesterday');
	expect(relativeTime(before(-3_700), now)).toBe('in 1 hour');
	expect(relativeTime(before(-3 * 86_400 + 5), now)).toBe('in 3 days');
});

test('durations and sizes have three digits', () => {
	expect(duration(87)).toBe('87 µs');
	expect(duration(1_240)).toBe('1.24 ms');
	expect(duration(45_600)).toBe('45.6 ms');
	expect(duration(2_500_000)).toBe('2.50 s');
	expect(bytes(999)).toBe('999 B');
	expect(bytes(12_345)).toBe('12.3 kB');
});

test('a minute of another day has its day', () => {
	const noon = new Date(2026, 2, 1, 12, 5);
	expect(clockTime(noon, new Date(2026, 2, 1, 23, 0))).toBe('12:05');
	expect(clockTime(noon, new Date(2026, 2, 2, 0, 1))).toBe('Mar 1, 12:05');
});
