import { base } from '$app/paths';
import { answer, api, type Schemas } from '$lib/api/client';
import { ApiError } from '$lib/api/problem';

/** Who is signed in. The cookie itself is out of reach for scripts; the server is asked. */
class Session {
	user = $state.raw<Schemas['User']>();

	/** Asks the server who is signed in, unless it is known. */
	async load(): Promise<Schemas['User'] | undefined> {
		if (this.user) return this.user;
		try {
			this.user = await answer(api.GET('/api/v1/admin/auth/me'));
		} catch (thrown) {
			const error = ApiError.from(thrown);
			if (error.status !== 401) throw error;
		}
		return this.user;
	}

	async signOut() {
		await answer(api.POST('/api/v1/admin/auth/logout'));
		this.user = undefined;
	}
}

export const session = new Session();

/** The sign-in page that leads back to `url`. */
export function signInPath(url: URL): string {
	const back = url.pathname + url.search + url.hash;
	return `${base}/login?return=${encodeURIComponent(back)}`;
}

/** Where to go after signing in: only ever a page of the dashboard. */
export function returnPath(url: URL): string {
	const wanted = url.searchParams.get('return');
	const home = `${base}/apps`;
	if (!wanted) return home;
	try {
		const target = new URL(wanted, url.origin);
		const inside = target.origin === url.origin && target.pathname.startsWith(`${base}/`);
		const loops = [`${base}/login`, `${base}/setup`].includes(target.pathname);
		return inside && !loops ? target.pathname + target.search + target.hash : home;
	} catch {
		return home;
	}
}
