const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
	['year', 31_536_000],
	['month', 2_592_000],
	['day', 86_400],
	['hour', 3_600],
	['minute', 60]
];

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const minute = new Intl.DateTimeFormat('en', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const dayAndMinute = new Intl.DateTimeFormat('en', { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const exact = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'medium' });

/** `at` as seen from `now`: "3 minutes ago". */
export function relativeTime(at: Date, now: Date): string {
	const seconds = Math.round((at.getTime() - now.getTime()) / 1_000);
	for (const [unit, size] of STEPS) {
		// What is over is as old as it is in whole; what ends in three days less a second ends in three days.
		const whole = seconds > 0 ? Math.round : Math.trunc;
		if (Math.abs(seconds) >= size) return relative.format(whole(seconds / size), unit);
	}
	return Math.abs(seconds) < 10 ? 'just now' : relative.format(seconds, 'second');
}

/** `at` to the second, where the reader is. */
export function exactTime(at: Date): string {
	return exact.format(at);
}

/** `at` to the minute, with its day unless that is the day of `now`. */
export function clockTime(at: Date, now = new Date()): string {
	return (at.toDateString() === now.toDateString() ? minute : dayAndMinute).format(at);
}

/** A duration that is given in microseconds, in three digits: "1.24 ms". */
export function duration(us: number): string {
	if (us < 1_000) return `${us} µs`;
	if (us < 1_000_000) return `${digits(us / 1_000)} ms`;
	return `${digits(us / 1_000_000)} s`;
}

/** A number of bytes, in three digits: "1.24 kB". */
export function bytes(count: number): string {
	if (count < 1_000) return `${count} B`;
	if (count < 1_000_000) return `${digits(count / 1_000)} kB`;
	if (count < 1_000_000_000) return `${digits(count / 1_000_000)} MB`;
	return `${digits(count / 1_000_000_000)} GB`;
}

function digits(value: number): string {
	return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
