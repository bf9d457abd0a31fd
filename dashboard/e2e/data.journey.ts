// What an app keeps, as the people who work on it see it.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBrowser } from './browser';
import { call, seedApp, signIn, startCloud, type Cloud } from './cloud';
import { hasFocus, tabTo } from './keyboard';

const SOURCE = `kv::set(request.params.name, #{ price: 1.0, id: 9007199254740993 }); "kept"`;
const PASSWORD = 'a fine password';

let cloud: Cloud;
beforeAll(async () => {
	cloud = await startCloud();
	await seedApp(cloud.page, 'shop', SOURCE);
	const { id } = await call<{ id: string }>(cloud.page, 'POST', '/admins', { username: 'grace', password: PASSWORD, instance_role: 'member' });
	await call(cloud.page, 'POST', '/apps/shop/members', { user_id: id, role: 'app_admin' });
	await run('first');
});
afterAll(() => cloud?.close());

const run = (name: string) => cloud.page.request.get(`${cloud.server.url}/greet/${name}`, { headers: { host: 'shop.test' } });

test('what an app keeps is on its first page, and an owner sets how much it may, with the keyboard alone', async () => {
	const { page } = cloud;
	const { keyboard } = page;
	await page.goto('/admin/apps/shop');
	await page.getByText(/^1 key with /).waitFor();
	await page.goto('/admin/apps/shop/settings');
	const field = page.getByLabel('Most keys and documents');
	await field.waitFor();
	await tabTo(page, /^Most keys and documents$/);
	await hasFocus(page, field);
	await keyboard.press('Control+a');
	await keyboard.type('1');
	await keyboard.press('Enter');
	await page.getByText(/may keep .* in 1 keys and documents/).first().waitFor();

	// What is there can be written anew, one more cannot be.
	expect((await run('first')).status()).toBe(200);
	expect((await run('second')).status()).toBe(507);
	await page.goto('/admin/apps/shop');
	await page.getByText('Scripts that write more get an error').waitFor();

	// An empty field is the default.
	await page.goto('/admin/apps/shop/settings');
	await field.fill('');
	await page.getByRole('button', { name: 'Save quotas' }).click();
	await page.getByText(/in 10,000,000 keys and documents/).first().waitFor();
	expect((await run('second')).status()).toBe(200);
});

test('an app admin sees quotas and is told who sets them', async () => {
	const hers = await openBrowser(cloud.server.url);
	try {
		const { page } = hers;
		await signIn(page, { username: 'grace', password: PASSWORD });
		await page.goto('/admin/apps/shop/settings');
		await page.getByText('Quotas are set by owners and admins').waitFor();
		expect(await page.getByLabel('Most keys and documents').isDisabled()).toBe(true);
		expect(hers.faults).toEqual([]);
	} finally {
		await hers.close();
	}
});

test('nothing went wrong in the pages', () => {
	expect(cloud.faults).toEqual([]);
});
