import { afterAll, beforeAll, expect, test } from 'vitest';
import { call, seedApp, startCloud, type Cloud } from './cloud';

let cloud: Cloud;
beforeAll(async () => {
	cloud = await startCloud();
	await seedApp(cloud.page, 'shop', '"Hello, " + request.params.name');
});
afterAll(() => cloud?.close());

test('a domain is claimed and a taken one is refused with its reason', async () => {
	const { page } = cloud;
	await page.goto('/admin/apps/shop/domains');
	await page.getByLabel('Domain', { exact: true }).fill('{tenant}.shop.test');
	await page.getByRole('button', { name: 'Claim domain' }).click();
	await page.getByRole('cell', { name: '{tenant}.shop.test' }).waitFor();
	await page.getByLabel('Domain', { exact: true }).fill('localhost');
	await page.getByRole('button', { name: 'Claim domain' }).click();
	await page.getByRole('alert').first().waitFor();
});

test('a route is added, a conflict is told while it is typed, and the route answers', async () => {
	const { page, server } = cloud;
	await page.goto('/admin/apps/shop/routes');
	await page.getByRole('button', { name: 'Add route' }).click();
	const dialog = page.getByRole('dialog', { name: 'Add route' });
	await dialog.getByLabel('Path').fill('/greet/{other}');
	await dialog.getByText('leads to greet already').first().waitFor();
	await dialog.getByLabel('Path').fill('/hi/{name}');
	await dialog.getByRole('button', { name: 'Add route' }).click();
	await page.getByRole('cell', { name: '/hi/{name} Copy' }).waitFor();
	const answer = await page.request.get(`${server.url}/hi/Ada`, { headers: { host: 'shop.test' } });
	expect(await answer.text()).toBe('Hello, Ada');
});

test('a route takes signed requests alone', async () => {
	const { page, server } = cloud;
	await page.goto('/admin/apps/shop/routes');
	await page.getByRole('button', { name: 'Add route' }).click();
	const dialog = page.getByRole('dialog', { name: 'Add route' });
	await dialog.getByLabel('Path').fill('/hook');
	await dialog.getByLabel('Webhook').selectOption('standard');
	await dialog.getByLabel('Secret').fill('no name');
	await dialog.getByLabel('Tolerance').fill('60');
	await dialog.getByRole('button', { name: 'Add route' }).click();
	await dialog.getByText('A name has 1 to 64 characters').first().waitFor();
	await dialog.getByLabel('Secret').fill('HOOK_KEY');
	await dialog.getByRole('button', { name: 'Add route' }).click();
	await page.getByText('signed: standard').waitFor();
	const answer = await page.request.get(`${server.url}/hook`, { headers: { host: 'shop.test' } });
	expect(answer.status()).toBe(401);
});

test('the explainer says what answers, and why nothing does', async () => {
	const { page } = cloud;
	await page.goto('/admin/apps/shop/routes');
	await page.getByLabel('URL', { exact: true }).fill('http://shop.test/hi/Ada');
	await page.getByRole('button', { name: 'Explain' }).click();
	await page.getByText('name = "Ada"').first().waitFor();
	await page.getByText('version 1 answers').first().waitFor();
	await page.getByLabel('URL', { exact: true }).fill('http://shop.test/nothing');
	await page.getByRole('button', { name: 'Explain' }).click();
	await page.getByText('Stops').first().waitFor();
});

test('releases are compared', async () => {
	const { page } = cloud;
	await page.goto('/admin/apps/shop/releases');
	await page.getByRole('button', { name: 'Compare' }).last().click();
	await page.getByRole('dialog').getByText('domain shop.test').first().waitFor();
	await page.keyboard.press('Escape');
	await page.getByRole('dialog').waitFor({ state: 'detached' });
});

test('a release is restored', async () => {
	const { page, server } = cloud;
	await page.goto('/admin/apps/shop/releases');
	const made = page.getByRole('row').filter({ hasText: 'route GET /greet/{name} created' });
	await made.getByRole('button', { name: 'Compare' }).click();
	await page.getByRole('dialog').getByRole('button', { name: /^Restore release/ }).click();
	await page.getByText('The app is as it was in release').first().waitFor();
	const answer = await page.request.get(`${server.url}/hi/Ada`, { headers: { host: 'shop.test' } });
	expect(answer.status()).toBe(404);
});

test('an old address leads to the app under its new slug', async () => {
	const { page } = cloud;
	await call(page, 'PATCH', '/apps/shop', { slug: 'store' });
	await page.goto('/admin/apps/shop/routes?x=1');
	await page.waitForURL(/\/admin\/apps\/store\/routes\?x=1$/);
	await page.getByRole('heading', { name: 'Routes' }).waitFor();
});

test('the palette finds scripts and routes', async () => {
	const { page } = cloud;
	await page.goto('/admin/apps/store');
	await page.getByText('Latest runs').first().waitFor();
	await page.keyboard.press('Control+k');
	await page.getByRole('option', { name: /greet/ }).first().waitFor();
	await page.keyboard.type('greet');
	await page.keyboard.press('Enter');
	await page.waitForURL('**/scripts/greet');
});

test('who is signed out comes back to where they were', async () => {
	const { page } = cloud;
	await page.goto('/admin/apps/store/domains');
	await page.getByRole('button', { name: /Account of/ }).click();
	await page.getByRole('menuitem', { name: 'Sign out' }).click();
	await page.waitForURL('**/admin/login');
	await page.goto('/admin/apps/store/domains');
	await page.waitForURL(/\/admin\/login\?return=/);
	await page.getByLabel('Username').fill('ada');
	await page.getByLabel('Password').fill('correct horse battery');
	await page.keyboard.press('Enter');
	await page.waitForURL('**/admin/apps/store/domains');
});

test('nothing went wrong in the pages', () => {
	expect(cloud.faults).toEqual([]);
});
