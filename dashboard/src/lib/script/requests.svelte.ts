import { EMPTY_INPUT, inputFor, type Input } from './request';
import type { Schemas } from '$lib/api/client';

/** How many requests are kept under a name for each script. */
export const SAVED_MAX = 20;

/** The requests that somebody tries a script with: the last one, and those kept under a name. In the browser. */
export class Requests {
	input = $state<Input>(EMPTY_INPUT);
	saved = $state<Record<string, Input>>({});
	#key: string;

	constructor(scriptId: string, routes: Schemas['Route'][]) {
		this.#key = `picloud.requests.${scriptId}`;
		const kept = read(this.#key);
		this.input = kept.last ?? inputFor(routes);
		this.saved = kept.saved ?? {};
	}

	/** Whether another name would be one too many. */
	get full(): boolean {
		return Object.keys(this.saved).length >= SAVED_MAX;
	}

	/** Keeps the request under a name. */
	save(name: string) {
		if (this.full && !(name in this.saved)) return;
		this.saved[name] = { ...this.input };
		this.keep();
	}

	forget(name: string) {
		delete this.saved[name];
		this.keep();
	}

	/** Keeps all for later visits. */
	keep() {
		try {
			localStorage.setItem(this.#key, JSON.stringify({ last: this.input, saved: this.saved }));
		} catch {
			// Storage is full or forbidden: they live as long as the page.
		}
	}
}

interface Kept {
	last?: Input;
	saved?: Record<string, Input>;
}

function read(key: string): Kept {
	try {
		const kept: unknown = JSON.parse(localStorage.getItem(key) ?? 'null');
		return typeof kept === 'object' && kept !== null ? kept : {};
	} catch {
		return {};
	}
}

/** Puts the request of a recorded run where the run panel finds it. */
export function openInRunPanel(scriptId: string, input: Input) {
	const key = `picloud.requests.${scriptId}`;
	try {
		localStorage.setItem(key, JSON.stringify({ ...read(key), last: input }));
	} catch {
		// Storage is full or forbidden: the panel opens with what it had.
	}
}
