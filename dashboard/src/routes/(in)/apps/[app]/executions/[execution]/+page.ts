import { base } from '$app/paths';

export const load = async ({ params, parent }) => {
	const { app } = await parent();
	const at = `${base}/apps/${app.slug}/executions`;
	return {
		title: 'Execution',
		crumbs: [
			{ label: 'Executions', href: at },
			{ label: params.execution.slice(0, 13), href: `${at}/${params.execution}` }
		]
	};
};
