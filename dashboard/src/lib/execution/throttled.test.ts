import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { throttled } from './throttled';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

test('many calls are two: at once and at the end', () => {
	const work = vi.fn();
	const { call } = throttled(work, 1_000);
	for (let count = 0; count < 5; count++) call();
	expect(work).toHaveBeenCalledTimes(1);
	vi.advanceTimersByTime(1_000);
	expect(work).toHaveBeenCalledTimes(2);
	vi.advanceTimersByTime(10_000);
	expect(work).toHaveBeenCalledTimes(2);
});

test('what is stopped does nothing more', () => {
	const work = vi.fn();
	const { call, stop } = throttled(work, 1_000);
	call();
	call();
	stop();
	vi.advanceTimersByTime(10_000);
	expect(work).toHaveBeenCalledTimes(1);
});
