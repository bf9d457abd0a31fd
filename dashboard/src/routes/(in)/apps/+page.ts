import { all, api } from '$lib/api/client';

export const _apps = (signal?: AbortSignal) => all((cursor) => api.GET('/api/v1/admin/apps', { params: { query: { limit: 200, cursor } }, signal }));

export const load = () => {
	// Asked for while the server is still asked who this is: on a slow line that saves a way there and back.
	const first = _apps();
	first.catch(() => {});
	return { title: 'Apps', first };
};
