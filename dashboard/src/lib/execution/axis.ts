const clock = new Intl.DateTimeFormat('en', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const day = new Intl.DateTimeFormat('en', { month: 'short', day: 'numeric' });

const HOUR_S = 3_600;

/** What stands at a moment of a time axis, in seconds, whose marks are `step` seconds apart. */
export function axisTime(moment: number, step: number): string {
	const at = new Date(moment * 1_000);
	const midnight = at.getHours() === 0 && at.getMinutes() === 0;
	return step >= 24 * HOUR_S || midnight ? day.format(at) : clock.format(at);
}
