import { error } from '@sveltejs/kit';
import { base } from '$app/paths';
import { all, answer, api } from '$lib/api/client';
import { ApiError } from '$lib/api/problem';

/** What a change of the script or its routes invalidates. */
export const _SCRIPT = 'picloud:script';

export const load = async ({ params, parent, depends }) => {
	depends(_SCRIPT);
	const { app } = await parent();
	const query = { app: app.id, limit: 200 };
	try {
		const [scripts, domains] = await Promise.all([
			all((cursor) => api.GET('/api/v1/admin/scripts', { params: { query: { ...query, cursor } } }), Infinity),
			answer(api.GET('/api/v1/admin/apps/{app}/domains', { params: { path: { app: app.id }, query: { limit: 200 } } }))
		]);
		const script = scripts.find(({ name }) => name === params.script);
		if (!script) error(404, 'There is no such script.');
		const routes = await all((cursor) => api.GET('/api/v1/admin/routes', { params: { query: { ...query, script: script.id, cursor } } }));
		const at = `${base}/apps/${app.slug}/scripts`;
		return {
			title: script.name,
			crumbs: [
				{ label: 'Scripts', href: at },
				{ label: script.name, href: `${at}/${encodeURIComponent(script.name)}` }
			],
			script,
			routes,
			domains: domains.items
		};
	} catch (thrown) {
		if (!(thrown instanceof ApiError)) throw thrown;
		error(thrown.status || 503, thrown.message);
	}
};
