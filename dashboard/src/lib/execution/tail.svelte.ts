import type { Schemas } from '$lib/api/client';
import { now } from '$lib/ui/now.svelte';

type Run = Schemas['Execution'];

/**
 * What a live view does at the moment:
 * - `connecting`, and again after a loss, which the browser does by itself
 * - `live`
 * - `paused` by somebody, or `away` while nobody looks
 * - `refused`: the server ended it for good, or does not let it begin
 */
export type TailState = 'connecting' | 'live' | 'paused' | 'away' | 'refused';

/** How many runs are kept. Older ones are in the list of the server. */
export const TAIL_RUNS_MAX = 200;

/** Where the runs of an app come from, narrowed by `kind`. */
export function tailUrl(appId: string, kind: Record<string, string | undefined>): string {
	const set = Object.entries(kind).filter((entry): entry is [string, string] => entry[1] !== undefined);
	const url = `/api/v1/admin/apps/${appId}/executions:tail`;
	return set.length > 0 ? `${url}?${new URLSearchParams(set)}` : url;
}

interface Listener {
	/** There are new runs. */
	onruns?: () => void;
	/** It is live without a run to begin after: what ended just before is known to the list alone. */
	onblank?: () => void;
}

/** The runs that end while somebody looks, newest first, as server-sent events. */
export class Tail {
	state = $state<TailState>('connecting');
	runs = $state.raw<Run[]>([]);
	/** Whether runs came that are not in {@link runs}. */
	gap = $state(false);
	begun = false;
	#url: string;
	#last?: string;
	#source?: EventSource;
	#waiting: Run[] = [];
	#frame = 0;
	#listener: Listener;

	/** `url` has the filter. */
	constructor(url: string, listener: Listener = {}) {
		this.#url = url;
		this.#listener = listener;
	}

	/** Begins with what the list has not, whose newest run is `after`; or goes on after the last run that came. */
	start(after?: string) {
		this.stop();
		this.begun = true;
		this.#last ??= after;
		this.state = 'connecting';
		const join = this.#url.includes('?') ? '&' : '?';
		const source = new EventSource(this.#last ? `${this.#url}${join}last_event_id=${encodeURIComponent(this.#last)}` : this.#url);
		this.#source = source;
		source.onopen = () => {
			this.state = 'live';
			if (!this.#last) this.#listener.onblank?.();
		};
		source.onmessage = ({ data }) => this.#take(data);
		source.onerror = () => (this.state = source.readyState === EventSource.CLOSED ? 'refused' : 'connecting');
		source.addEventListener('skipped', () => (this.gap = true));
		source.addEventListener('end', ({ data }) => {
			if (reasonOf(data) !== 'access') return;
			this.stop();
			this.state = 'refused';
		});
	}

	pause() {
		this.stop();
		this.state = 'paused';
	}

	/** Lets go of the connection until somebody looks again. */
	leave() {
		this.stop();
		this.state = 'away';
	}

	/** The list of the server has all up to `newest` anew. */
	settle(newest: string | undefined) {
		this.#flush();
		this.runs = newest ? this.runs.filter(({ id }) => id > newest) : [];
		this.gap = false;
	}

	stop() {
		this.#source?.close();
		this.#source = undefined;
		this.#flush();
	}

	#take(data: string) {
		const run = JSON.parse(data) as Run;
		this.#last = run.id;
		this.#waiting.push(run);
		// Many at a time are shown at a time.
		this.#frame ||= requestAnimationFrame(() => this.#flush());
	}

	#flush() {
		cancelAnimationFrame(this.#frame);
		this.#frame = 0;
		if (this.#waiting.length === 0) return;
		// After a loss some come again.
		const known = new Set(this.runs.map(({ id }) => id));
		const fresh = this.#waiting.reverse().filter(({ id }) => !known.has(id) && known.add(id));
		this.#waiting = [];
		const runs = [...fresh, ...this.runs];
		if (runs.length > TAIL_RUNS_MAX) this.gap = true;
		now.goOn();
		this.runs = runs.slice(0, TAIL_RUNS_MAX);
		if (fresh.length > 0) this.#listener.onruns?.();
	}
}

function reasonOf(data: string): unknown {
	try {
		return (JSON.parse(data) as { reason?: unknown }).reason;
	} catch {
		return undefined;
	}
}
