// No mouse in here: what people do every day, with the keyboard alone.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBrowser, type Browser } from './browser';
import { call, OWNER, seedApp, signIn, startCloud, type Cloud } from './cloud';
import { choose, dialogOf, goTo, hasFocus, tabTo } from './keyboard';

const PASSWORD = 'a fine password';
const NEW_PASSWORD = 'a finer password';

let cloud: Cloud;
beforeAll(async () => {
	cloud = await startCloud();
	await seedApp(cloud.page, 'shop', '"Hello, " + request.params.name');
	for (const username of ['grace', 'mary']) {
		await call(cloud.page, 'POST', '/admins', { username, password: PASSWORD, instance_role: 'member' });
	}
});
afterAll(() => cloud?.close());

/** Somebody else, signed in with keys. */
async function enter(username: string, password = PASSWORD): Promise<Browser> {
	const browser = await openBrowser(cloud.server.url);
	const { page } = browser;
	await page.goto('/admin/login');
	await hasFocus(page, page.getByLabel('Username'));
	await page.keyboard.type(username);
	await tabTo(page, /^Password/);
	await page.keyboard.type(password);
	await page.keyboard.press('Enter');
	await page.waitForURL('**/admin/apps');
	return browser;
}

test('a domain is claimed, and a route of it made, changed and deleted', async () => {
	const { page, server } = cloud;
	const { keyboard } = page;
	const ask = async (path: string) => {
		const answer = await page.request.get(`${server.url}${path}`, { headers: { host: 'store.test' } });
		return answer.ok() ? answer.text() : answer.status();
	};
	await page.goto('/admin/apps/shop');
	await page.getByText('Latest runs').waitFor();
	await goTo(page, 'Domains');
	await page.getByRole('cell', { name: 'shop.test' }).waitFor();
	await tabTo(page, /^Domain$/);
	await keyboard.type('store.test');
	await keyboard.press('Enter');
	await page.getByRole('cell', { name: 'store.test' }).waitFor();

	await goTo(page, 'Routes');
	await page.getByRole('cell', { name: '/greet/{name} Copy' }).waitFor();
	await tabTo(page, /^Add route/);
	await keyboard.press('Enter');
	const made = await dialogOf(page, 'Add route');
	await hasFocus(page, made.getByLabel('Path'));
	await keyboard.press('Control+a');
	await keyboard.type('/hi/{name}');
	await keyboard.press('Enter');
	await made.waitFor({ state: 'detached' });
	await page.getByRole('cell', { name: '/hi/{name} Copy' }).waitFor();
	expect(await ask('/hi/Ada')).toBe('Hello, Ada');

	await choose(page, 'Actions for /hi/{name}', 'Edit');
	const changed = await dialogOf(page, 'Edit route');
	await hasFocus(page, changed.getByLabel('Path'));
	await keyboard.press('Control+a');
	await keyboard.type('/hello/{name}');
	await keyboard.press('Enter');
	await changed.waitFor({ state: 'detached' });
	await page.getByRole('cell', { name: '/hello/{name} Copy' }).waitFor();
	expect([await ask('/hi/Ada'), await ask('/hello/Ada')]).toEqual([404, 'Hello, Ada']);

	await choose(page, 'Actions for /hello/{name}', 'Delete');
	await dialogOf(page);
	await tabTo(page, /^Delete route$/);
	await keyboard.press('Enter');
	await page.getByRole('cell', { name: '/hello/{name} Copy' }).waitFor({ state: 'detached' });
	expect(await ask('/hello/Ada')).toBe(404);
});

test('an owner makes an account, changes its role and deactivates it', async () => {
	const { page } = cloud;
	const { keyboard } = page;
	await page.goto('/admin/apps');
	await page.getByRole('link', { name: 'shop' }).waitFor();
	await goTo(page, 'New account');
	const made = await dialogOf(page, 'New account');
	await hasFocus(page, made.getByLabel('Username'));
	await keyboard.type('joan');
	await tabTo(page, /^Password/);
	await keyboard.type(PASSWORD);
	await keyboard.press('Enter');
	await made.waitFor({ state: 'detached' });
	const row = page.getByRole('row', { name: /^joan/ });
	await row.getByText('member').waitFor();
	const hers = await enter('joan');

	try {
		await choose(page, 'Actions for joan', 'Edit…');
		const edited = await dialogOf(page);
		await tabTo(page, /^Role$/);
		await keyboard.press('a');
		await tabTo(page, /^Save$/);
		await keyboard.press('Enter');
		await edited.waitFor({ state: 'detached' });
		await row.getByText('admin').waitFor();

		// Whoever changes their mind is back where they were.
		await choose(page, 'Actions for joan', 'Deactivate…');
		await dialogOf(page, 'Deactivate joan?');
		await keyboard.press('Escape');
		await hasFocus(page, page.getByRole('button', { name: 'Actions for joan' }));

		await choose(page, 'Actions for joan', 'Deactivate…');
		await dialogOf(page, 'Deactivate joan?');
		await tabTo(page, /^Deactivate$/);
		await keyboard.press('Enter');
		await page.getByRole('row', { name: /^joan inactive/ }).waitFor();
		// The palette asks for what there is to go to.
		await hers.page.keyboard.press('Control+k');
		await hers.page.waitForURL(/\/admin\/login\?return=.*&ended/);
		expect(hers.faults).toEqual([]);
	} finally {
		await hers.close();
	}
});

test('the audit log is searched, a record read and the log verified', async () => {
	const { page } = cloud;
	const { keyboard } = page;
	await page.goto('/admin/apps');
	await page.getByRole('link', { name: 'shop' }).waitFor();
	await goTo(page, 'Audit log');
	await page.getByRole('row', { name: /create script/ }).first().waitFor();
	await tabTo(page, /^To what$/);
	await keyboard.type('store.test');
	await keyboard.press('Enter');
	await page.waitForURL(/target=store.test/);
	await page.getByRole('row', { name: /create script/ }).first().waitFor({ state: 'detached' });
	await tabTo(page, /domain$/);
	const record = page.locator('button:focus');
	const name = await record.innerText();
	await keyboard.press('Enter');
	const dialog = await dialogOf(page, new RegExp(`^${name}.*store\\.test`, 'i'));
	await dialog.getByText('ada').first().waitFor();
	await keyboard.press('Escape');
	await dialog.waitFor({ state: 'detached' });
	await hasFocus(page, page.getByRole('button', { name }));

	await goTo(page, 'Audit log');
	await page.waitForURL('**/admin/audit');
	await tabTo(page, /^Verify the log/);
	await keyboard.press('Enter');
	await page.getByText('The log is as it was written').waitFor();
});

test('an app admin who is a member adds, promotes and removes another', async () => {
	const { id } = await call<{ items: { id: string; username: string }[] }>(cloud.page, 'GET', '/users:search?app=shop&q=grace').then(({ items }) => items[0] ?? { id: '' });
	await call(cloud.page, 'POST', '/apps/shop/members', { user_id: id, role: 'app_admin' });
	const hers = await enter('grace');
	try {
		const { page } = hers;
		const { keyboard } = page;
		await page.getByRole('link', { name: 'shop' }).waitFor();
		await tabTo(page, /^shop$/);
		await keyboard.press('Enter');
		await page.getByText('Latest runs').waitFor();
		await goTo(page, 'Members');
		await page.getByRole('row', { name: /grace/ }).waitFor();
		await tabTo(page, /^Add member/);
		await keyboard.press('Enter');
		const dialog = await dialogOf(page, 'Add member');
		await hasFocus(page, dialog.getByLabel('Search people'));
		await keyboard.type('mar');
		await dialog.getByRole('radio', { name: 'mary' }).waitFor();
		await tabTo(page, /^mary/);
		await keyboard.press('Space');
		await tabTo(page, /^Role$/);
		await keyboard.press('v');
		await tabTo(page, /^Add member/);
		await keyboard.press('Enter');
		await dialog.waitFor({ state: 'detached' });
		const row = page.getByRole('row', { name: /mary/ });
		await row.getByText('viewer').waitFor();
		await choose(page, 'Actions for mary', 'Make editor');
		await row.getByText('editor').waitFor();
		await choose(page, 'Actions for mary', 'Remove…');
		await dialogOf(page, 'Remove mary?');
		await tabTo(page, /^Remove member$/);
		await keyboard.press('Enter');
		await row.waitFor({ state: 'detached' });
		expect(hers.faults).toEqual([]);
	} finally {
		await hers.close();
	}
});

test('somebody changes their own password, and signs in with it', async () => {
	const hers = await enter('mary');
	const other = await enter('mary');
	try {
		const { page } = hers;
		await goTo(page, 'My account');
		await page.getByText('this one').waitFor();
		await tabTo(page, /^Present password/);
		await page.keyboard.type(PASSWORD);
		await tabTo(page, /^New password/);
		await page.keyboard.type(NEW_PASSWORD);
		await page.keyboard.press('Enter');
		await page.getByText('The password is changed').first().waitFor();
		await other.page.keyboard.press('Control+k');
		await other.page.waitForURL(/\/admin\/login\?return=.*&ended/);
		const again = await enter('mary', NEW_PASSWORD);
		expect([...hers.faults, ...other.faults, ...again.faults]).toEqual([]);
		await again.close();
	} finally {
		await hers.close();
		await other.close();
	}
});

test('signing out everywhere ends this session and every other', async () => {
	const { page } = cloud;
	const other = await openBrowser(cloud.server.url);
	try {
		await signIn(other.page, OWNER);
		await page.goto('/admin/apps');
		await page.getByRole('heading', { name: 'Apps' }).waitFor();
		await goTo(page, 'My account');
		await page.getByText('this one').waitFor();
		await tabTo(page, /^Sign out everywhere…/);
		await page.keyboard.press('Enter');
		await dialogOf(page);
		await tabTo(page, /^Sign out everywhere$/);
		await page.keyboard.press('Enter');
		await page.waitForURL('**/admin/login');
		await other.page.goto('/admin/apps/default');
		await other.page.waitForURL(/\/admin\/login\?return=/);
	} finally {
		await other.close();
	}
});

test('nothing went wrong in the pages', () => {
	expect(cloud.faults).toEqual([]);
});
