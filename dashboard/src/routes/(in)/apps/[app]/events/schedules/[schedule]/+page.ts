import { base } from '$app/paths';

export const load = async ({ params, parent }) => {
	const { app } = await parent();
	const at = `${base}/apps/${app.slug}/events`;
	return {
		title: 'Schedule',
		crumbs: [
			{ label: 'Schedules', href: `${at}/schedules` },
			{ label: params.schedule.slice(0, 13), href: `${at}/schedules/${params.schedule}` }
		]
	};
};
