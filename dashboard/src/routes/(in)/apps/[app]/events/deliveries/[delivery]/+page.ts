import { base } from '$app/paths';

export const load = async ({ params, parent }) => {
	const { app } = await parent();
	const at = `${base}/apps/${app.slug}/events`;
	return {
		title: 'Delivery',
		crumbs: [
			{ label: 'Queue', href: `${at}/queue` },
			{ label: params.delivery.slice(0, 13), href: `${at}/deliveries/${params.delivery}` }
		]
	};
};
