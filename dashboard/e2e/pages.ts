import type { Page } from 'playwright-core';
import { call, seedApp } from './cloud';

/** A page of the dashboard, as it is looked at by the checks and the gallery. */
export interface Shown {
	name: string;
	path: string;
	/** What is there once it is complete. */
	ready: (page: Page) => Promise<unknown>;
}

const heading = (name: string | RegExp) => (page: Page) => page.getByRole('heading', { name }).first().waitFor();
const text = (words: string | RegExp) => (page: Page) => page.getByText(words).first().waitFor();

/** All pages, for somebody who is signed in, over what {@link fill} makes. A new page gets a line here. */
export const PAGES: Shown[] = [
	{ name: 'apps', path: '/admin/apps', ready: (page) => page.getByRole('link', { name: 'Empty' }).waitFor() },
	{ name: 'apps-new', path: '/admin/apps?new', ready: (page) => page.getByRole('dialog').waitFor() },
	{ name: 'app', path: '/admin/apps/shop', ready: text('Latest runs') },
	{ name: 'app-empty', path: '/admin/apps/empty', ready: text('Write the first script') },
	{ name: 'app-missing', path: '/admin/apps/nothing', ready: text('There is nothing here') },
	{ name: 'scripts', path: '/admin/apps/shop/scripts', ready: (page) => page.getByRole('link', { name: 'greet' }).waitFor() },
	{ name: 'scripts-empty', path: '/admin/apps/empty/scripts', ready: text('No script yet') },
	{ name: 'script', path: '/admin/apps/shop/scripts/greet', ready: (page) => page.locator('.cm-content').waitFor() },
	{ name: 'routes', path: '/admin/apps/shop/routes', ready: (page) => page.getByRole('link', { name: 'greet' }).first().waitFor() },
	{ name: 'routes-empty', path: '/admin/apps/empty/routes', ready: text('No route yet') },
	{ name: 'executions', path: '/admin/apps/shop/executions', ready: (page) => page.getByRole('link', { name: /GET/ }).first().waitFor() },
	{ name: 'executions-empty', path: '/admin/apps/empty/executions', ready: text('Nothing has run yet') },
	{ name: 'releases', path: '/admin/apps/shop/releases', ready: text('live') },
	{ name: 'releases-empty', path: '/admin/apps/empty/releases', ready: text('No release yet') },
	{ name: 'domains', path: '/admin/apps/shop/domains', ready: (page) => page.getByRole('cell', { name: 'shop.test' }).waitFor() },
	{ name: 'members', path: '/admin/apps/shop/members', ready: (page) => page.getByRole('cell', { name: 'grace' }).first().waitFor() },
	{ name: 'members-empty', path: '/admin/apps/empty/members', ready: text('No member yet') },
	{ name: 'settings', path: '/admin/apps/shop/settings', ready: heading('Settings') },
	{ name: 'account', path: '/admin/account', ready: text('this one') },
	{ name: 'domains-empty', path: '/admin/apps/empty/domains', ready: text('No domain yet') }
];

/** The pages for those who are not. */
export const FRONT: Shown[] = [{ name: 'login', path: '/admin/login', ready: heading('Sign in to PiCloud') }];

const SOURCE = `// Greets whoever the path names.
let name = request.params.name ?? "World";
log::info(\`greeting \${name}\`);

if name == "nobody" {
    throw "nobody is not to be greeted";
}

#{ greeting: "Hello, " + name + "!", letters: name.len() }
`;

/** An app with all kinds of things, and one with nothing. */
export async function fill(page: Page) {
	const { script } = await seedApp(page, 'shop', '"Hello"');
	await call(page, 'PATCH', `/scripts/${script.id}`, { source: SOURCE, note: 'greets by name' });
	await call(page, 'POST', '/apps', { slug: 'empty', name: 'Empty', description: 'An app without anything' });
	const grace = await call<{ id: string }>(page, 'POST', '/admins', { username: 'grace', password: 'a fine password', instance_role: 'member' });
	await call(page, 'POST', '/apps/shop/members', { user_id: grace.id, role: 'editor' });
	const origin = new URL(page.url()).origin;
	for (const name of ['Ada', 'Grace', 'nobody']) {
		await page.request.get(`${origin}/greet/${name}`, { headers: { host: 'shop.test' } });
	}
	// Records are written behind the answers.
	for (;;) {
		const { items } = await call<{ items: unknown[] }>(page, 'GET', '/apps/shop/executions');
		if (items.length >= 3) break;
	}
}
