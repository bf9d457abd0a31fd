import { afterAll, beforeAll, expect, test } from 'vitest';
import { barriers } from './axe';
import { openBrowser } from './browser';
import { call, seedApp, signIn, startCloud, type Cloud } from './cloud';
import { goTo, tabTo } from './keyboard';
import { Authenticator } from './totp';

const PASSWORD = 'a fine password';

let cloud: Cloud;
beforeAll(async () => {
	cloud = await startCloud();
	await seedApp(cloud.page, 'shop', '"Hello"');
});
afterAll(() => cloud?.close());

test('an invitation leads from an owner to the first page of the invited person, with the keyboard alone', async () => {
	const { page } = cloud;
	await page.goto('/admin/apps');
	await page.getByRole('link', { name: 'shop' }).waitFor();
	await goTo(page, 'Invite somebody');
	const dialog = page.getByRole('dialog', { name: 'Invite somebody' });
	// The first field has the focus.
	await dialog.getByLabel('Username').and(page.locator(':focus')).waitFor();
	await page.keyboard.type('annie');
	await dialog.getByLabel('App', { exact: true }).getByRole('option', { name: 'shop' }).waitFor({ state: 'attached' });
	await tabTo(page, /^App$/);
	// One letter chooses: on a busy machine several might be taken as several choices.
	await page.keyboard.press('s');
	await page.keyboard.press('Tab');
	await page.keyboard.press('v');
	await tabTo(page, /^Create invitation/);
	await page.keyboard.press('Enter');
	const made = page.getByRole('dialog', { name: 'Invitation for annie' });
	const link = await made.getByText(/\/admin\/invitations\/pci_/).innerText();
	expect(await barriers(page)).toEqual([]);
	await tabTo(page, /^Done/);
	await page.keyboard.press('Enter');
	await made.waitFor({ state: 'detached' });
	await page.getByRole('row', { name: /annie/ }).waitFor();
	// It is shown once.
	expect(await page.getByText(/pci_/).count()).toBe(0);

	const theirs = await openBrowser(cloud.server.url);
	try {
		await theirs.page.goto(link);
		await theirs.page.getByRole('heading', { name: 'Welcome to PiCloud' }).waitFor();
		await tabTo(theirs.page, /^Password$/);
		await theirs.page.keyboard.type(PASSWORD);
		await theirs.page.keyboard.press('Enter');
		await theirs.page.waitForURL('**/admin/apps');
		const row = theirs.page.getByRole('row', { name: /shop/ });
		await row.getByText('viewer').waitFor();
		// What only owners and admins may do is not offered to a member.
		expect(await theirs.page.getByRole('link', { name: 'People' }).count()).toBe(0);
		await theirs.page.goto('/admin/admins');
		await theirs.page.getByRole('heading', { name: 'This page is for owners and admins' }).waitFor();
		expect(await barriers(theirs.page)).toEqual([]);
		// And the link is used up.
		await theirs.page.goto(link);
		await theirs.page.getByRole('heading', { name: 'This invitation is no longer good' }).waitFor();
		expect(theirs.faults).toEqual([]);
	} finally {
		await theirs.close();
	}
});

test('an invitation is withdrawn', async () => {
	const { page } = cloud;
	await call(page, 'POST', '/invitations', { email: 'joan@example.com', instance_role: 'member' });
	await page.goto('/admin/admins');
	await page.getByRole('button', { name: 'Withdraw the invitation for joan@example.com' }).click();
	await page.getByRole('dialog').getByRole('button', { name: 'Withdraw' }).click();
	await page.getByText('No open invitation').waitFor();
});

test('an admin makes an account, and deactivates it: who is in it is signed out', async () => {
	await call(cloud.page, 'POST', '/admins', { username: 'katherine', password: PASSWORD, instance_role: 'admin' });
	const [admins, theirs] = [await openBrowser(cloud.server.url), await openBrowser(cloud.server.url)];
	try {
		const { page } = admins;
		await signIn(page, { username: 'katherine', password: PASSWORD });
		await page.goto('/admin/admins');
		await page.getByRole('row', { name: /^ada/ }).waitFor();
		// Nothing is offered with an account above one's own.
		expect(await page.getByRole('button', { name: 'Actions for ada' }).count()).toBe(0);
		await page.getByRole('button', { name: 'New account' }).click();
		const dialog = page.getByRole('dialog', { name: 'New account' });
		await dialog.waitFor();
		expect(await dialog.getByLabel('Role').getByRole('option').allInnerTexts()).toEqual(['member', 'admin']);
		await dialog.getByLabel('Username').fill('mary');
		await dialog.getByLabel('Password').fill(PASSWORD);
		await dialog.getByRole('button', { name: 'Create account' }).click();
		await page.getByRole('row', { name: /^mary/ }).waitFor();

		await signIn(theirs.page, { username: 'mary', password: PASSWORD });

		await page.getByRole('button', { name: 'Actions for mary' }).click();
		await page.getByRole('menuitem', { name: 'Deactivate…' }).click();
		await page.getByRole('dialog').getByRole('button', { name: 'Deactivate' }).click();
		await page.getByRole('row', { name: /^mary inactive/ }).waitFor();

		await theirs.page.getByRole('button', { name: /Account of/ }).click();
		await theirs.page.getByRole('menuitem', { name: 'My account' }).click();
		await theirs.page.waitForURL(/\/admin\/login\?return=.*&ended/);
		await theirs.page.getByText('Your session has ended').waitFor();
		expect([...admins.faults, ...theirs.faults]).toEqual([]);
	} finally {
		await admins.close();
		await theirs.close();
	}
});

test('the last owner is not deleted, and is told why', async () => {
	const { page } = cloud;
	await page.goto('/admin/admins');
	await page.getByRole('button', { name: 'Actions for ada' }).click();
	await page.getByRole('menuitem', { name: 'Delete…' }).click();
	const dialog = page.getByRole('dialog', { name: 'Delete ada?' });
	await dialog.getByRole('textbox').fill('ada');
	await dialog.getByRole('button', { name: 'Delete account' }).click();
	await dialog.getByRole('alert').getByText('Make somebody else an owner first').waitFor();
	await page.keyboard.press('Escape');
	await dialog.waitFor({ state: 'detached' });
});

test('the audit log shows older records when it is asked to', async () => {
	const { page } = cloud;
	// More than a page of them.
	for (let count = 0; count < 55; count++) await call(page, 'PATCH', '/apps/shop', { description: `number ${count}` });
	await page.goto('/admin/apps/shop/audit');
	await page.getByRole('row', { name: /update app shop/ }).first().waitFor();
	const first = page.getByRole('row', { name: /create app shop/ });
	expect(await first.count()).toBe(0);
	await page.getByRole('button', { name: 'Show older records' }).click();
	await first.waitFor();
	await page.getByRole('button', { name: 'Show older records' }).waitFor({ state: 'detached' });
});

test('the audit log is filtered, read and verified', async () => {
	const { page } = cloud;
	await page.goto('/admin/audit');
	await page.getByLabel('Did what').fill('create app');
	await page.getByLabel('Did what').press('Enter');
	await page.waitForURL(/action=create\+app/);
	await page.getByRole('row', { name: /create script/ }).first().waitFor({ state: 'detached' });
	await page.getByRole('row', { name: /shop/ }).getByRole('button', { name: 'create app' }).click();
	const dialog = page.getByRole('dialog', { name: 'Create app shop' });
	await dialog.getByRole('listitem').filter({ hasText: 'slug' }).getByText('shop').waitFor();
	await dialog.getByRole('button', { name: 'Copy request' }).click();
	expect(await page.evaluate(() => navigator.clipboard.readText())).toMatch(/^[0-9a-f-]{36}$/);
	await page.keyboard.press('Escape');
	await dialog.waitFor({ state: 'detached' });
	await page.getByRole('button', { name: 'Verify the log' }).click();
	await page.getByText('The log is as it was written').waitFor();
});

test('a second factor is set up with the keyboard alone, and asked for from then on', async () => {
	await call(cloud.page, 'POST', '/admins', { username: 'joan', password: PASSWORD, instance_role: 'member' });
	const joan = await openBrowser(cloud.server.url);
	try {
		const { page, faults } = joan;
		const { keyboard } = page;
		await signIn(page, { username: 'joan', password: PASSWORD });
		await goTo(page, 'My account');
		await page.getByRole('button', { name: 'Set up…' }).waitFor();
		await tabTo(page, /^Set up…/);
		await keyboard.press('Enter');
		const dialog = page.getByRole('dialog');
		await dialog.getByLabel('Password').and(page.locator(':focus')).waitFor();
		await keyboard.type(PASSWORD);
		await keyboard.press('Enter');
		await dialog.getByRole('img', { name: 'QR code' }).waitFor();
		const secret = (await dialog.getByText(/^[A-Z2-7]{4}( [A-Z2-7]{4})+$/).innerText()).replaceAll(' ', '');
		const app = new Authenticator(secret);
		await dialog.getByLabel('Code').and(page.locator(':focus')).waitFor();
		await keyboard.type(app.code());
		await keyboard.press('Enter');
		const list = dialog.getByRole('list', { name: 'Recovery codes' });
		await list.waitFor();
		const codes = await list.getByRole('listitem').allInnerTexts();
		expect(codes).toHaveLength(10);
		expect(await barriers(page)).toEqual([]);
		const [download] = await Promise.all([page.waitForEvent('download'), dialog.getByRole('button', { name: 'Download' }).click()]);
		expect(download.suggestedFilename()).toBe('picloud-recovery-codes-joan.txt');
		await tabTo(page, /I have kept them/);
		await keyboard.press('Enter');
		await page.getByText('10 recovery codes are left').waitFor();

		await page.getByRole('button', { name: /Account of/ }).click();
		await page.getByRole('menuitem', { name: 'Sign out' }).click();
		await page.waitForURL('**/admin/login');
		await page.getByLabel('Username').fill('joan');
		await page.getByLabel('Password').fill(PASSWORD);
		await page.getByRole('button', { name: 'Sign in' }).click();
		await page.getByLabel('Code').and(page.locator(':focus')).waitFor();
		expect(await barriers(page)).toEqual([]);
		await page.getByLabel('Code').fill(app.code());
		await page.getByRole('button', { name: 'Sign in' }).click();
		await page.waitForURL('**/admin/apps');

		await page.goto('/admin/account');
		await page.getByRole('button', { name: 'Turn off…' }).click();
		await dialog.getByLabel('Password').fill(PASSWORD);
		await dialog.getByLabel('Code').fill(codes[0] ?? '');
		await dialog.getByRole('button', { name: 'Turn off' }).click();
		await page.getByRole('button', { name: 'Set up…' }).waitFor();
		expect(faults).toEqual([]);
	} finally {
		await joan.close();
	}
});

test('nothing went wrong in the pages', () => {
	expect(cloud.faults).toEqual([]);
});
