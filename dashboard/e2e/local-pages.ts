import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BrowserContext } from 'playwright-core';

const TYPES: Record<string, string> = { js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml', json: 'application/json' };

/**
 * Has the browser take the dashboard from the folder `dist` and not from the program, under the program's policy: a new
 * build is then tried without compiling the program again.
 */
export async function takePagesFrom(dist: string, context: BrowserContext) {
	const index = readFileSync(join(dist, 'index.html'));
	await context.route(/\/admin(\/|$)/, async (route) => {
		const { pathname } = new URL(route.request().url());
		const file = join(dist, pathname.replace(/^\/admin\/?/, ''));
		const asset = /\.\w+$/.test(pathname) && existsSync(file);
		if (asset) return route.fulfill({ path: file, contentType: TYPES[pathname.split('.').pop() ?? ''] });
		if (!route.request().isNavigationRequest()) return route.continue();
		// A redirect is followed here: what the browser follows itself does not come by.
		const page = await route.fetch();
		const { 'content-encoding': _, ...headers } = page.headers();
		return route.fulfill({ response: page, headers, body: index });
	});
}
