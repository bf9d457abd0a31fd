import { expect, test } from 'vitest';
import { countColumns, summary, timeColumns, type Numbers, type Stats } from './stats';

const none: Numbers = { counts: { success: 0, error: 0, timeout: 0, limit_exceeded: 0, cancelled: 0 }, p50_us: null, p95_us: null, p99_us: null };
const some: Numbers = { counts: { success: 90, error: 3, timeout: 2, limit_exceeded: 1, cancelled: 4 }, p50_us: 1_200, p95_us: 40_000, p99_us: 2_000_000 };
const stats: Stats = {
	since: '2026-03-01T12:00:00Z',
	until: '2026-03-01T12:02:00Z',
	bucket_s: 60,
	total: { start: '2026-03-01T12:00:00Z', ...some },
	buckets: [
		{ start: '2026-03-01T12:00:00Z', ...none },
		{ start: '2026-03-01T12:01:00Z', ...some }
	]
};

test('counts stand on one another, and a time without runs is a gap', () => {
	const first = Date.parse(stats.since) / 1_000;
	expect(countColumns(stats)).toEqual([[first, first + 60], [0, 100], [0, 96], [0, 90]]);
	expect(timeColumns(stats)).toEqual([[first, first + 60], [null, 2_000_000], [null, 40_000], [null, 1_200]]);
});

test('the chart in a sentence', () => {
	expect(summary(stats)).toBe('100 runs, 6 failed (6.0 %). Half of them took at most 1.20 ms, 95 % 40.0 ms, 99 % 2.00 s.');
	expect(summary({ ...stats, total: { start: stats.since, ...none } })).toBe('No run ended in this time.');
});
