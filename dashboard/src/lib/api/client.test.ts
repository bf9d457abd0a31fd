import { afterEach, expect, test, vi } from 'vitest';
import { all, answer, api, whenSessionEnds } from './client';
import { ApiError } from './problem';

afterEach(() => vi.unstubAllGlobals());

function answering(status: number, body: unknown) {
	const fetch = vi.fn(async (_: Request) => new Response(JSON.stringify(body), { status, headers: { 'content-type': status < 400 ? 'application/json' : 'application/problem+json' } }));
	vi.stubGlobal('fetch', fetch);
	return fetch;
}

const me = () => answer(api.GET('/api/v1/admin/auth/me'));

test('a problem is thrown with its code and its fields', async () => {
	answering(422, { code: 'validation_failed', detail: 'No.', errors: [{ field: 'name', message: 'give one' }], request_id: 'r1' });
	const error = await me().catch((thrown: unknown) => thrown);
	expect(error).toBeInstanceOf(ApiError);
	expect(error).toMatchObject({ code: 'validation_failed', status: 422, message: 'No.', requestId: 'r1' });
	expect((error as ApiError).about('name')).toBe('Give one.');
});

test('a place in a field is named as it is written', () => {
	const error = new ApiError(422, { errors: [{ field: 'filter', message: 'filter.data.total.above: is no condition' }] });
	expect(error.about('filter')).toBe('filter.data.total.above: is no condition.');
});

test('a server that is not there is told from one that refuses', async () => {
	vi.stubGlobal('fetch', vi.fn(() => Promise.reject(new TypeError('Failed to fetch'))));
	await expect(me()).rejects.toMatchObject({ code: 'unreachable', status: 0 });
});

test('an ended session is noticed at any call', async () => {
	const ended = vi.fn();
	whenSessionEnds(ended);
	answering(401, { code: 'unauthenticated' });
	await expect(me()).rejects.toThrow();
	expect(ended).toHaveBeenCalledOnce();
	answering(401, { code: 'invalid_credentials' });
	await expect(me()).rejects.toThrow();
	expect(ended).toHaveBeenCalledOnce();
});

test('lists are read to their end, and not beyond what is wanted', async () => {
	const page = vi.fn(async (cursor?: string) => ({
		data: { items: cursor ? [3, 4] : [1, 2], next_cursor: cursor ? null : 'next' },
		response: new Response()
	}));
	expect(await all(page)).toEqual([1, 2, 3, 4]);
	expect(await all(page, 2)).toEqual([1, 2]);
});
