import { base } from '$app/paths';

export const load = async ({ params, parent }) => {
	const { app } = await parent();
	const at = `${base}/apps/${app.slug}/data/collections`;
	return {
		title: params.collection,
		crumbs: [
			{ label: 'Collections', href: at },
			{ label: params.collection, href: `${at}/${encodeURIComponent(params.collection)}` }
		]
	};
};
