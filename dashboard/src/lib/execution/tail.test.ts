// @vitest-environment jsdom
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Tail, TAIL_RUNS_MAX } from './tail.svelte';

/** In the place of the browser's, so that the test is the server. */
class Source extends EventTarget {
	static readonly CLOSED = 2;
	static made: Source[] = [];
	readyState = 0;
	onopen?: () => void;
	onerror?: () => void;
	onmessage?: (event: { data: string }) => void;
	constructor(readonly url: string) {
		super();
		Source.made.push(this);
	}
	close() {
		this.readyState = Source.CLOSED;
	}
	run(id: string) {
		this.onmessage?.({ data: JSON.stringify({ id }) });
	}
}

beforeEach(() => {
	Source.made = [];
	vi.stubGlobal('EventSource', Source);
});
afterEach(() => vi.unstubAllGlobals());

const newest = () => Source.made.at(-1) as Source;
const ids = (tail: Tail) => tail.runs.map(({ id }) => id);

test('runs come newest first, and each once', () => {
	const tail = new Tail('/tail');
	tail.start();
	newest().onopen?.();
	expect(tail.state).toBe('live');
	for (const id of ['a', 'b', 'b']) newest().run(id);
	tail.pause();
	expect(ids(tail)).toEqual(['b', 'a']);
	tail.start();
	newest().run('b');
	newest().run('c');
	tail.stop();
	expect(ids(tail)).toEqual(['c', 'b', 'a']);
});

test('it goes on after what was seen last', () => {
	const tail = new Tail('/tail?script=s');
	tail.start('old');
	expect(newest().url).toBe('/tail?script=s&last_event_id=old');
	newest().run('a');
	tail.pause();
	expect(tail.state).toBe('paused');
	tail.start('old');
	expect(newest().url).toBe('/tail?script=s&last_event_id=a');
});

test('what is kept is bounded, and what is left out is told', () => {
	const tail = new Tail('/tail');
	tail.start();
	for (let index = 0; index <= TAIL_RUNS_MAX; index++) newest().run(String(1_000 + index));
	tail.stop();
	expect(tail.runs).toHaveLength(TAIL_RUNS_MAX);
	expect(ids(tail)[0]).toBe(String(1_000 + TAIL_RUNS_MAX));
	expect(tail.gap).toBe(true);
	tail.settle(String(1_000 + TAIL_RUNS_MAX - 1));
	expect(ids(tail)).toEqual([String(1_000 + TAIL_RUNS_MAX)]);
	expect(tail.gap).toBe(false);
});

test('a loss is told from a refusal', () => {
	const tail = new Tail('/tail');
	tail.start();
	newest().onerror?.();
	expect(tail.state).toBe('connecting');
	newest().dispatchEvent(new MessageEvent('end', { data: '{"reason":"stopping"}' }));
	expect(tail.state).toBe('connecting');
	newest().dispatchEvent(new MessageEvent('end', { data: '{"reason":"access"}' }));
	expect(tail.state).toBe('refused');
	expect(newest().readyState).toBe(Source.CLOSED);
	tail.start();
	newest().readyState = Source.CLOSED;
	newest().onerror?.();
	expect(tail.state).toBe('refused');
});

test('without a run to begin after the list is to be asked again', () => {
	const onblank = vi.fn();
	const tail = new Tail('/tail', { onblank });
	tail.start();
	newest().onopen?.();
	expect(onblank).toHaveBeenCalledOnce();
	newest().run('a');
	newest().onopen?.();
	expect(onblank).toHaveBeenCalledOnce();
});

test('a slow reader learns that runs are missing', () => {
	const tail = new Tail('/tail');
	tail.start();
	newest().dispatchEvent(new MessageEvent('skipped', { data: '{"runs":12}' }));
	expect(tail.gap).toBe(true);
});
