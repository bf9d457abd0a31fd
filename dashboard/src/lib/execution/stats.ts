import type { Schemas } from '$lib/api/client';
import { share } from '$lib/ui/share';
import { duration } from '$lib/ui/time';

export type Stats = Schemas['ExecutionStats'];
export type Numbers = Omit<Schemas['RunNumbers'], 'start'>;

export const failures = ({ counts }: Numbers) => counts.error + counts.timeout + counts.limit_exceeded;
export const runs = (numbers: Numbers) => numbers.counts.success + failures(numbers) + numbers.counts.cancelled;

/** A time that may be unknown. */
export const time = (us: number | null) => (us === null ? '–' : duration(us));

/** Columns for the chart: the moments in seconds, then what is drawn. */
export type Columns = [number[], ...(number | null)[][]];

/** Counts as heights that stand on one another, the highest first, so that the lower ones are drawn over it. */
export function countColumns({ buckets }: Stats): Columns {
	const good = buckets.map(({ counts }) => counts.success);
	const withBad = buckets.map((bucket) => bucket.counts.success + failures(bucket));
	return [moments(buckets), buckets.map(runs), withBad, good];
}

export function timeColumns({ buckets }: Stats): Columns {
	return [moments(buckets), buckets.map((one) => one.p99_us), buckets.map((one) => one.p95_us), buckets.map((one) => one.p50_us)];
}

const moments = (buckets: { start: string }[]) => buckets.map(({ start }) => Date.parse(start) / 1_000);

/** All of it in one sentence, for those who do not see the chart. */
export function summary(stats: Stats): string {
	const all = runs(stats.total);
	if (all === 0) return 'No run ended in this time.';
	const failed = failures(stats.total);
	const ended = `${all.toLocaleString('en')} ${all === 1 ? 'run' : 'runs'}, ${failed.toLocaleString('en')} failed (${share(failed, all)}).`;
	const { p50_us, p95_us, p99_us } = stats.total;
	return p50_us === null ? ended : `${ended} Half of them took at most ${time(p50_us)}, 95 % ${time(p95_us)}, 99 % ${time(p99_us)}.`;
}
