import { toasts } from '$lib/ui/toasts.svelte';
import { ApiError } from './problem';

/** Does what needs no dialog, and tells what went wrong. */
export async function attempt(work: () => Promise<void>) {
	try {
		await work();
	} catch (thrown) {
		toasts.bad(ApiError.from(thrown).message);
	}
}
