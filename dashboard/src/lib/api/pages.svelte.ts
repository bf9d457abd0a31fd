import { Action } from './action.svelte';
import { resource, type Resource } from './resource.svelte';

/** A page of a long list, as the API gives it. */
export interface Page<T> {
	items: T[];
	next_cursor?: string | null;
}

/** A long list, newest first: its newest page is asked for as any {@link resource}, older ones by hand. */
export interface Pages<T> {
	/** All that is there so far. */
	list: Resource<T[]>;
	/** Whether there are older ones. */
	readonly hasMore: boolean;
	/** Asks for older ones. */
	more: Action<[]>;
}

/**
 * A long list for as long as the component is there. `key` says what is asked for, such as a filter: while it stays the
 * same, older items stay in sight when the newest are asked for again.
 */
export function pages<T extends { id: string }>(key: () => string, load: (cursor: string | undefined, signal?: AbortSignal) => Promise<Page<T>>): Pages<T> {
	let cursor = $state<string>();
	let known: T[] = [];
	let knownFor: string | undefined;
	const list = resource(async (signal) => {
		const asked = key();
		const page = await load(undefined, signal);
		const met = knownFor === asked ? joined(page.items, known) : undefined;
		if (!met) cursor = page.next_cursor ?? undefined;
		knownFor = asked;
		return (known = met ?? page.items);
	});
	const more = new Action(async () => {
		const [asked, after] = [knownFor, cursor];
		const page = await load(after);
		// Meanwhile something else was asked for, or the list has begun anew.
		if (asked !== knownFor || after !== cursor) return;
		cursor = page.next_cursor ?? undefined;
		list.data = known = [...known, ...page.items];
	});
	return {
		list,
		more,
		get hasMore() {
			return cursor !== undefined;
		}
	};
}

/** The newest items in front of those that are known; none if others may be missing between them. */
export function joined<T extends { id: string }>(newest: T[], known: T[]): T[] | undefined {
	const last = newest.at(-1);
	const at = last ? known.findIndex(({ id }) => id === last.id) : -1;
	return at < 0 ? undefined : [...newest, ...known.slice(at + 1)];
}
