// The typed client of the HTTP API. Its types are generated from the committed OpenAPI document.
import createClient from 'openapi-fetch';
import { ApiError } from './problem';
import type { components, paths } from './schema';

export type Schemas = components['schemas'];

/** Calls of the API: `api.GET('/api/v1/admin/apps')`. Give what it returns to {@link answer}. */
export const api = createClient<paths>({
	baseUrl: globalThis.location?.origin ?? 'http://localhost',
	// Looked up at each call, so that tests can put one of their own there.
	fetch: (request) => globalThis.fetch(request)
});

/** Who is told that the server no longer knows the caller. */
let onSessionEnd: () => void = () => {};

/** Has `listener` called when the session has ended. */
export function whenSessionEnds(listener: () => void) {
	onSessionEnd = listener;
}

export interface Answered<T> {
	data?: T;
	error?: unknown;
	response: Response;
}

/** The body of a good answer; every other answer is thrown as an {@link ApiError}. */
export async function answer<T>(call: Promise<Answered<T>>): Promise<T> {
	let answered: Answered<T>;
	try {
		answered = await call;
	} catch (thrown) {
		if (thrown instanceof DOMException && thrown.name === 'AbortError') throw thrown;
		throw ApiError.from(thrown);
	}
	const { data, error, response } = answered;
	if (response.ok) return data as T;
	const problem = new ApiError(response.status, isObject(error) ? error : {});
	if (problem.code === 'unauthenticated') onSessionEnd();
	throw problem;
}

/** All items of a list, page by page, up to `max`. */
export async function all<T>(
	page: (cursor: string | undefined) => Promise<Answered<{ items: T[]; next_cursor?: string | null }>>,
	max = 1_000
): Promise<T[]> {
	const items: T[] = [];
	let cursor: string | undefined;
	do {
		const next = await answer(page(cursor));
		items.push(...next.items);
		cursor = next.next_cursor ?? undefined;
	} while (cursor && items.length < max);
	return items;
}

function isObject(value: unknown): value is Record<string, unknown> {
	return typeof value === 'object' && value !== null;
}
