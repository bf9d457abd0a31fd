import { error, redirect } from '@sveltejs/kit';
import { base } from '$app/paths';
import { answer, api } from '$lib/api/client';
import { ApiError } from '$lib/api/problem';

/** What a change of the app itself invalidates. */
export const _APP = 'picloud:app';

export const load = async ({ params, depends, url, untrack }) => {
	depends(_APP);
	let app;
	try {
		app = await answer(api.GET('/api/v1/admin/apps/{app}', { params: { path: { app: params.app } } }));
	} catch (thrown) {
		const problem = ApiError.from(thrown);
		error(problem.status || 503, problem.message);
	}
	// An old slug, or an id: the page is at the slug that the app has now.
	if (app.slug !== params.app) {
		const { pathname, search, hash } = untrack(() => new URL(url));
		const rest = pathname.slice(`${base}/apps/${encodeURIComponent(params.app)}`.length);
		redirect(308, `${base}/apps/${app.slug}${rest}${search}${hash}`);
	}
	return { app };
};
