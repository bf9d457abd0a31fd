import { copyText } from './copy';
import { toasts } from './toasts.svelte';

/** Copies a text, and knows whether it has, until somebody looks elsewhere. */
export class Copying {
	done = $state(false);

	async copy(text: string) {
		try {
			await copyText(text);
			this.done = true;
		} catch {
			toasts.bad('The browser did not allow copying. Select the text instead.');
		}
	}

	forget = () => {
		this.done = false;
	};
}
