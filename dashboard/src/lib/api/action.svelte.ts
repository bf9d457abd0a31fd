import { ApiError } from './problem';

/** Something that a person does: at most one at a time, with the error of the last one. */
export class Action<A extends unknown[]> {
	busy = $state(false);
	error = $state.raw<ApiError>();
	#work: (...args: A) => Promise<void>;

	constructor(work: (...args: A) => Promise<void>) {
		this.#work = work;
	}

	/** Does it; whether it was done. */
	run = async (...args: A): Promise<boolean> => {
		if (this.busy) return false;
		this.busy = true;
		this.error = undefined;
		try {
			await this.#work(...args);
			return true;
		} catch (thrown) {
			this.error = ApiError.from(thrown);
			return false;
		} finally {
			this.busy = false;
		}
	};
}
