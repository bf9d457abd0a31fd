// What scripts know from outside of their source: values, secrets, and where they may connect to.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { barriers } from './axe';
import { openBrowser, type Browser } from './browser';
import { call, seedApp, signIn, startCloud, type Cloud } from './cloud';
import { dialogOf, goTo, hasFocus, tabTo } from './keyboard';

const PASSWORD = 'a fine password';
/** Nobody is to see this again. */
const CANARY = 'pk_canary_5f2c9';

let cloud: Cloud;
beforeAll(async () => {
	cloud = await startCloud();
	await seedApp(cloud.page, 'shop', `config::get("greeting", "Hello") + ", " + secret::get("MAIL_KEY").len()`);
	for (const [username, role] of [
		['grace', 'editor'],
		['mary', 'viewer']
	]) {
		const { id } = await call<{ id: string }>(cloud.page, 'POST', '/admins', { username, password: PASSWORD, instance_role: 'member' });
		await call(cloud.page, 'POST', '/apps/shop/members', { user_id: id, role });
	}
});
afterAll(() => cloud?.close());

const run = async () => {
	const answer = await cloud.page.request.get(`${cloud.server.url}/greet/x`, { headers: { host: 'shop.test' } });
	return answer.ok() ? answer.text() : answer.status();
};

/** The page as `username` sees it. */
async function as(username: string): Promise<Browser> {
	const browser = await openBrowser(cloud.server.url);
	await signIn(browser.page, { username, password: PASSWORD });
	await browser.page.goto('/admin/apps/shop/configuration');
	return browser;
}

test('a secret is set and replaced with the keyboard alone, and seen by nobody', async () => {
	const { page } = cloud;
	const { keyboard } = page;
	await page.goto('/admin/apps/shop');
	await page.getByText('Latest runs').waitFor();
	await goTo(page, 'Configuration');
	await page.getByText('No secret yet').waitFor();
	await tabTo(page, /^New secret/);
	await keyboard.press('Enter');
	const made = await dialogOf(page, 'New secret');
	await hasFocus(page, made.getByLabel('Name'));
	await keyboard.type('MAIL_KEY');
	await tabTo(page, 'Value');
	await keyboard.insertText(CANARY);
	await tabTo(page, 'Create secret');
	await keyboard.press('Enter');
	await made.waitFor({ state: 'detached' });
	await page.getByRole('row', { name: /MAIL_KEY.*ada/ }).waitFor();
	expect(await run()).toBe(`Hello, ${CANARY.length}`);

	await tabTo(page, 'Replace MAIL_KEY');
	await keyboard.press('Enter');
	const replaced = await dialogOf(page, 'Replace MAIL_KEY');
	await hasFocus(page, replaced.getByLabel('New value'));
	expect(await replaced.getByLabel('New value').inputValue()).toBe('');
	await keyboard.insertText('four');
	await tabTo(page, 'Replace secret');
	await keyboard.press('Enter');
	await replaced.waitFor({ state: 'detached' });
	expect(await run()).toBe('Hello, 4');
	for (const path of ['configuration', 'audit', 'executions', 'releases']) {
		await page.goto(`/admin/apps/shop/${path}`);
		await page.getByRole('table').first().waitFor();
		expect(await page.content()).not.toContain(CANARY);
	}
});

test('a value is set, is a release, and takes effect', async () => {
	const { page } = cloud;
	await page.goto('/admin/apps/shop/configuration');
	await page.getByRole('button', { name: 'New value…' }).click();
	const dialog = page.getByRole('dialog', { name: 'New value' });
	await dialog.getByLabel('Name').fill('greeting');
	await dialog.getByLabel('Value').fill('"Salve"');
	await dialog.getByRole('button', { name: 'Save value' }).click();
	await page.getByRole('row', { name: /greeting.*Salve/ }).waitFor();
	expect(await run()).toBe('Salve, 4');
	await page.goto('/admin/apps/shop/releases');
	await page.getByRole('row', { name: /greeting/ }).first().waitFor();
});

test('where scripts may connect to is set, and what is wrong with an entry is told', async () => {
	const { page } = cloud;
	await page.goto('/admin/apps/shop/configuration');
	await page.getByLabel('Only what is on this list').check();
	const list = page.getByRole('textbox', { name: 'Allowed' });
	await list.fill('api.example.com\nnot a host');
	await page.getByRole('button', { name: 'Save list' }).click();
	await page.getByRole('alert').first().waitFor();
	await list.fill('api.example.com\n*.example.org:443');
	await page.getByRole('button', { name: 'Save list' }).click();
	await page.getByText('It holds from the next connection on').first().waitFor();
	await page.reload();
	await list.waitFor();
	expect(await list.inputValue()).toBe('api.example.com\n*.example.org:443');
});

test('a mail server is set, keeps its password to itself, and is taken away', async () => {
	const { page } = cloud;
	await page.goto('/admin/apps/shop/configuration');
	await page.getByText('The instance has no mail server').waitFor();
	await page.getByLabel('Mail server').fill('mail.example.com');
	await page.getByLabel('User name').fill('shop');
	await page.getByLabel('Password').fill(CANARY);
	await page.getByLabel('From').fill('nobody');
	await page.getByRole('button', { name: 'Save mail server' }).click();
	await page.getByRole('alert').first().waitFor();
	await page.getByLabel('From').fill('Shop <shop@example.com>\n*@example.org');
	await page.getByRole('button', { name: 'Save mail server' }).click();
	await page.getByText('The next e-mail goes by this mail server').first().waitFor();
	await page.reload();
	await page.getByText('goes by this mail server').first().waitFor();
	expect(await page.getByLabel('Port').inputValue()).toBe('587');
	expect(await page.getByLabel('Password').inputValue()).toBe('');
	expect(await page.content()).not.toContain(CANARY);
	// Another sender changes nothing about the password; another place does.
	await page.getByLabel('From').fill('Shop <orders@example.com>');
	await page.getByRole('button', { name: 'Save mail server' }).click();
	await page.getByText('The next e-mail goes by this mail server').first().waitFor();
	await page.getByLabel('Mail server').fill('elsewhere.example.com');
	expect(await page.getByLabel('Password').getAttribute('required')).not.toBeNull();
	expect(await barriers(page)).toEqual([]);

	await page.getByRole('button', { name: 'Take away…' }).click();
	await page.getByRole('dialog').getByRole('button', { name: 'Take away' }).click();
	await page.getByText('The instance has no mail server').waitFor();
});

test('a broker is set, paused, changed and deleted', async () => {
	const { page } = cloud;
	const found = () => call<{ keep_alive_s: number; is_paused: boolean; filters: unknown[] }>(page, 'GET', '/apps/shop/brokers/home');
	await page.goto('/admin/apps/shop/configuration');
	await page.getByText('No broker yet').waitFor();
	await page.getByRole('button', { name: 'New broker…' }).click();
	const made = page.getByRole('dialog', { name: 'New broker' });
	await made.getByLabel('Name', { exact: true }).fill('home');
	// It is not public, and no list has it: nobody is asked for a connection.
	await made.getByLabel('URL').fill('mqtt://10.1.2.3');
	await made.getByLabel('Filters').fill('sensors/+/temp\nhome/#/all');
	await made.getByRole('button', { name: 'Create broker' }).click();
	await made.getByRole('alert').getByText('home/#/all: ').waitFor();
	await made.getByLabel('Filters').fill('sensors/+/temp\nhome/# qos 0');
	await made.getByLabel('User name').fill('shop');
	await made.getByLabel('Password').fill(CANARY);
	await made.getByRole('button', { name: 'Create broker' }).click();
	await made.waitFor({ state: 'detached' });
	await page.getByRole('row', { name: /home.*sensors\/\+\/temp, home\/#.*connecting/ }).waitFor();
	expect(await page.content()).not.toContain(CANARY);
	expect((await found()).filters).toEqual([
		{ filter: 'sensors/+/temp', qos: 1 },
		{ filter: 'home/#', qos: 0 }
	]);

	await page.getByRole('button', { name: 'Actions for home' }).click();
	await page.getByRole('menuitem', { name: 'Pause' }).click();
	await page.getByRole('row', { name: /home.*paused/ }).waitFor();
	await page.getByRole('button', { name: 'Actions for home' }).click();
	await page.getByRole('menuitem', { name: 'Change…' }).click();
	const changed = page.getByRole('dialog', { name: 'Broker home' });
	expect(await changed.getByLabel('Password').inputValue()).toBe('');
	await changed.getByText('How it is spoken to').click();
	await changed.getByLabel('Keep-alive').fill('30');
	await changed.getByRole('button', { name: 'Save broker' }).click();
	await changed.waitFor({ state: 'detached' });
	expect(await found()).toMatchObject({ keep_alive_s: 30, is_paused: true });
	expect(await barriers(page)).toEqual([]);

	await page.getByRole('button', { name: 'Actions for home' }).click();
	await page.getByRole('menuitem', { name: 'Delete…' }).click();
	await page.getByRole('dialog').getByRole('button', { name: 'Delete broker' }).click();
	await page.getByText('No broker yet').waitFor();
});

test('an editor sees the names of secrets, a viewer none of them', async () => {
	const hers = await as('grace');
	try {
		await hers.page.getByRole('row', { name: /MAIL_KEY/ }).waitFor();
		await hers.page.getByRole('button', { name: 'Replace MAIL_KEY' }).focus();
		await hers.page.keyboard.press('Enter');
		await hers.page.getByText('This needs the role app admin').first().waitFor();
		expect(await hers.page.getByRole('dialog').count()).toBe(0);
		expect(hers.faults).toEqual([]);
	} finally {
		await hers.close();
	}
	const theirs = await as('mary');
	try {
		await theirs.page.getByText('Secrets are for editors and app admins').waitFor();
		await theirs.page.getByRole('row', { name: /greeting/ }).waitFor();
		expect(await barriers(theirs.page)).toEqual([]);
		expect(theirs.faults).toEqual([]);
	} finally {
		await theirs.close();
	}
});

test('nothing went wrong in the pages', () => {
	expect(cloud.faults).toEqual([]);
});
