import { now } from '$lib/ui/now.svelte';
import { ApiError } from './problem';

/** Something that was asked for: not there yet, there, or failed. */
export class Resource<T> {
	data = $state.raw<T>();
	error = $state.raw<ApiError>();
	/** Whether an answer is awaited. What was there before stays until then. */
	loading = $state(true);
	#load: (signal: AbortSignal) => Promise<T>;
	#running?: AbortController;

	constructor(load: (signal: AbortSignal) => Promise<T>) {
		this.#load = load;
	}

	/** Asks again. */
	reload = async (): Promise<void> => {
		this.#running?.abort();
		const running = (this.#running = new AbortController());
		this.loading = true;
		try {
			const data = await this.#load(running.signal);
			if (running.signal.aborted) return;
			now.goOn();
			this.data = data;
			this.error = undefined;
		} catch (thrown) {
			if (running.signal.aborted) return;
			this.error = ApiError.from(thrown);
		}
		this.loading = false;
	};

	stop() {
		this.#running?.abort();
	}
}

/** How old something may be before it is asked for again when somebody comes back to the page. */
const STALE_MS = 5_000;

/**
 * Asks for something while the component is there: at first, whenever what `load` reads changes, when somebody comes
 * back to the page and when the network does. Nothing is asked for by a clock.
 */
export function resource<T>(load: (signal: AbortSignal) => Promise<T>): Resource<T> {
	const made = new Resource(load);
	let asked = 0;
	$effect(() => {
		asked = Date.now();
		void made.reload();
		return () => made.stop();
	});
	$effect(() => {
		const back = () => {
			if (document.visibilityState === 'visible' && Date.now() - asked > STALE_MS) {
				asked = Date.now();
				void made.reload();
			}
		};
		const online = () => void made.reload();
		document.addEventListener('visibilitychange', back);
		window.addEventListener('online', online);
		return () => {
			document.removeEventListener('visibilitychange', back);
			window.removeEventListener('online', online);
		};
	});
	return made;
}
