// What scripts and other people make of something while somebody edits it.
import { ApiError } from '$lib/api/problem';

/** What is there now of something that was changed meanwhile; nothing if it is gone. */
export interface Meanwhile<T> {
	now?: T;
}

/** The header under which only what was seen is changed, or, without a version, only what is not there is made. */
export function onlyIf(seen: string | undefined) {
	return seen === undefined ? { 'If-None-Match': '*' } : { 'If-Match': `"${seen}"` };
}

/**
 * Waits for a change that is made only of what was seen. If that is not there any more, nothing was changed: gives what
 * `ask` finds in its place. `codes` are those of the answers that say so.
 */
export async function meanwhile<T>(change: Promise<unknown>, ask: () => Promise<T>, codes = ['version_mismatch']): Promise<Meanwhile<T> | undefined> {
	try {
		await change;
		return undefined;
	} catch (thrown) {
		if (!codes.includes(ApiError.from(thrown).code)) throw thrown;
	}
	try {
		return { now: await ask() };
	} catch (thrown) {
		if (ApiError.from(thrown).code === 'not_found') return {};
		throw thrown;
	}
}

/** What is said to somebody who was about to delete something else than they saw. */
export function lookAgain(): ApiError {
	const detail = 'It was changed since you saw it, and is not deleted. Look at what it is now, then delete that if it is still to go.';
	return new ApiError(412, { code: 'version_mismatch', title: 'Changed meanwhile', detail });
}
