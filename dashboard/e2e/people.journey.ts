import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBrowser } from './browser';
import { choose as chooseByKeys, dialogOf, goTo, hasFocus, tabTo } from './keyboard';
import { call, seedApp, signIn, startCloud, type Cloud } from './cloud';

const PASSWORD = 'a fine password';

let cloud: Cloud;
beforeAll(async () => {
	cloud = await startCloud();
	await seedApp(cloud.page, 'shop', '"Hello"');
	for (const username of ['grace', 'mary']) {
		await call(cloud.page, 'POST', '/admins', { username, password: PASSWORD, instance_role: 'member' });
	}
});
afterAll(() => cloud?.close());

async function add(page: Cloud['page'], name: string, role: string) {
	await page.goto('/admin/apps/shop/members');
	await page.getByRole('button', { name: 'Add member' }).first().click();
	const dialog = page.getByRole('dialog', { name: 'Add member' });
	await dialog.getByLabel('Search people').fill(name);
	await dialog.getByRole('radio', { name }).check();
	await dialog.getByLabel('Role').selectOption(role);
	await dialog.getByRole('button', { name: 'Add member' }).click();
	await dialog.waitFor({ state: 'detached' });
	await page.getByRole('row', { name: new RegExp(name) }).waitFor();
}

async function choose(page: Cloud['page'], name: string, action: string) {
	await page.getByRole('button', { name: `Actions for ${name}` }).click();
	await page.getByRole('menuitem', { name: action }).click();
}

test('an owner adds a member and promotes them, who then adds and removes another', async () => {
	await add(cloud.page, 'grace', 'editor');

	const hers = await openBrowser(cloud.server.url);
	try {
		await signIn(hers.page, { username: 'grace', password: PASSWORD });
		await hers.page.goto('/admin/apps/shop');
		await hers.page.getByRole('link', { name: 'Routes' }).waitFor();
		for (const tab of ['Members', 'Audit log']) expect(await hers.page.getByRole('link', { name: tab }).count()).toBe(0);

		await choose(cloud.page, 'grace', 'Make app admin');
		await cloud.page.getByText('grace is app admin now').first().waitFor();

		await add(hers.page, 'mary', 'viewer');
		await choose(hers.page, 'mary', 'Remove…');
		await hers.page.getByRole('dialog').getByRole('button', { name: 'Remove member' }).click();
		await hers.page.getByRole('row', { name: /mary/ }).waitFor({ state: 'detached' });
		// And the log of the app, which is for its app admins, tells of it.
		await hers.page.getByRole('link', { name: 'Audit log' }).click();
		await hers.page.getByRole('row', { name: /remove member mary/ }).waitFor();
		expect(hers.faults).toEqual([]);
	} finally {
		await hers.close();
	}
});

test('a member is added, promoted and removed with the keyboard alone', async () => {
	const { page } = cloud;
	const { keyboard } = page;
	await page.goto('/admin/apps/shop/settings');
	await page.getByRole('heading', { name: 'Settings' }).waitFor();
	await goTo(page, 'Members');
	await page.getByRole('row', { name: /grace/ }).waitFor();
	await tabTo(page, /^Add member/);
	await keyboard.press('Enter');
	const dialog = await dialogOf(page, 'Add member');
	await hasFocus(page, dialog.getByLabel('Search people'));
	await dialog.getByRole('radio', { name: 'mary' }).waitFor();
	await tabTo(page, /^mary/);
	await keyboard.press('Space');
	await tabTo(page, /^Add member/);
	await keyboard.press('Enter');
	await dialog.waitFor({ state: 'detached' });
	await page.getByRole('row', { name: /mary/ }).getByText('editor').waitFor();

	await chooseByKeys(page, 'Actions for mary', 'Make app admin');
	await page.getByRole('row', { name: /mary/ }).getByText('app admin').waitFor();
	await chooseByKeys(page, 'Actions for mary', 'Remove…');
	await dialogOf(page);
	await tabTo(page, /^Remove member/);
	await keyboard.press('Enter');
	await page.getByRole('row', { name: /mary/ }).waitFor({ state: 'detached' });
});

test('an app is renamed, and the old address leads to it', async () => {
	const { page } = cloud;
	await page.goto('/admin/apps/shop/settings');
	await page.getByLabel('Slug').fill('store');
	await page.getByRole('button', { name: 'Rename…' }).click();
	await page.getByRole('dialog').getByRole('button', { name: 'Rename app' }).click();
	await page.waitForURL('**/admin/apps/store/settings');
	await page.goto('/admin/apps/shop/members');
	await page.waitForURL('**/admin/apps/store/members');
});

test('an app is renamed with the keyboard alone', async () => {
	const { page } = cloud;
	const { keyboard } = page;
	await call(page, 'POST', '/apps', { slug: 'attic', name: 'Attic' });
	await page.goto('/admin/apps/attic/members');
	await page.getByText('No member yet').waitFor();
	await goTo(page, 'Settings');
	await page.getByRole('heading', { name: 'Settings' }).waitFor();
	await tabTo(page, /^Slug/);
	await keyboard.press('Control+a');
	await keyboard.type('cellar');
	await tabTo(page, /^Rename…/);
	await keyboard.press('Enter');
	await dialogOf(page);
	await tabTo(page, /^Rename app/);
	await keyboard.press('Enter');
	await page.waitForURL('**/admin/apps/cellar/settings');
});

test('a token is shown once, and works', async () => {
	const { page, server } = cloud;
	await page.goto('/admin/account');
	await page.getByRole('button', { name: 'New token…' }).click();
	const dialog = page.getByRole('dialog');
	await dialog.getByLabel('Name').fill('laptop');
	await dialog.getByLabel('App').selectOption({ label: 'shop' });
	await dialog.getByLabel('Highest role').selectOption('viewer');
	await dialog.getByRole('button', { name: 'Create token' }).click();
	const token = (await dialog.getByText(/^pct_/).first().innerText()).trim();
	const answer = await fetch(`${server.url}/api/v1/admin/apps`, { headers: { authorization: `Bearer ${token}` } });
	expect(answer.status).toBe(200);
	await page.reload();
	await page.getByRole('row', { name: /^laptop/ }).getByText('at most viewer in').waitFor();
	expect(await page.getByText(token).count()).toBe(0);
	await page.getByRole('button', { name: 'Delete laptop' }).click();
	await page.getByRole('dialog').getByRole('button', { name: 'Delete token' }).click();
	await page.getByText('No token yet').waitFor();
	const after = await fetch(`${server.url}/api/v1/admin/apps`, { headers: { authorization: `Bearer ${token}` } });
	expect(after.status).toBe(401);
});

test('an app is deleted by typing its slug', async () => {
	const { page } = cloud;
	await page.goto('/admin/apps/store/settings');
	await page.getByRole('button', { name: 'Delete app…' }).click();
	const dialog = page.getByRole('dialog');
	const button = dialog.getByRole('button', { name: 'Delete app' });
	expect(await button.isDisabled()).toBe(true);
	await dialog.getByRole('textbox').fill('store');
	await button.click();
	await page.waitForURL('**/admin/apps');
});

test('one session is ended from another', async () => {
	const { page } = cloud;
	const other = await openBrowser(cloud.server.url);
	try {
		await signIn(other.page);
		await page.goto('/admin/account');
		const theirs = page.getByRole('region', { name: 'All sessions' }).getByRole('row').filter({ hasText: '127.0.0.1', hasNotText: 'this one' });
		await theirs.getByRole('button', { name: 'End' }).click();
		await theirs.waitFor({ state: 'detached' });
		await other.page.goto('/admin/apps');
		await other.page.waitForURL(/\/admin\/login\?return=/);
	} finally {
		await other.close();
	}
});

test('nothing went wrong in the pages', () => {
	expect(cloud.faults).toEqual([]);
});
