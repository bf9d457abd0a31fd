import { base } from '$app/paths';

export const load = async ({ params, parent }) => {
	const { app } = await parent();
	const at = `${base}/apps/${app.slug}/events`;
	return {
		title: 'Chain',
		crumbs: [
			{ label: 'Events', href: `${at}` },
			{ label: params.root.slice(0, 13), href: `${at}/chains/${params.root}` }
		]
	};
};
