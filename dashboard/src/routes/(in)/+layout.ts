import { error, redirect } from '@sveltejs/kit';
import { ApiError } from '$lib/api/problem';
import { session, signInPath } from '$lib/session/session.svelte';

export const load = async ({ url, untrack }) => {
	const user = await session.load().catch((thrown: unknown) => {
		const problem = ApiError.from(thrown);
		error(problem.status || 503, problem.message);
	});
	if (!user) redirect(307, untrack(() => signInPath(url)));
	return { user };
};
