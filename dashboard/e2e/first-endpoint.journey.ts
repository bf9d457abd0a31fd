import { afterEach, beforeEach, expect, test } from 'vitest';
import { startCloud, type Cloud } from './cloud';
import { write } from './editor';

let cloud: Cloud;
beforeEach(async () => {
	cloud = await startCloud({ owner: false });
});
afterEach(() => cloud.close());

/** Who knows nothing but the address needs at most so many clicks from a fresh start to an endpoint. */
const CLICKS_MAX = 8;

test('from a fresh start to an endpoint that answers', async () => {
	const { page, server, faults } = cloud;
	let clicks = 0;
	const click = async (name: string | RegExp, role: 'button' | 'link' = 'button') => {
		await page.getByRole(role, { name }).first().click();
		clicks++;
	};

	await page.goto('/admin');
	await page.getByLabel('Setup code').fill(server.setupCode ?? '');
	await page.getByLabel('Username').fill('grace');
	await page.getByLabel('Password').fill('a fine password');
	await click('Make me the owner');

	await click('Default', 'link');
	await click('New script');
	await page.getByLabel('Name').fill('double');
	await page.getByLabel('Path', { exact: true }).fill('/double/{number}');
	await click('Create and edit');

	await write(page, '#{ double: request.params.number.parse_int() * 2 }');
	await page.getByLabel('Path and query').fill('/double/21');
	await page.getByRole('button', { name: 'Run', exact: true }).first().click();
	clicks++;
	await page.getByText('"double": 42').first().waitFor();
	await page.getByRole('button', { name: 'Save', exact: true }).click();
	clicks++;
	await page.getByText('version 2 is live').first().waitFor();

	const answer = await fetch(`${server.url}/double/4`);
	expect(await answer.json()).toEqual({ double: 8 });
	expect(clicks).toBeLessThanOrEqual(CLICKS_MAX);
	expect(faults).toEqual([]);
});

test('the same with the keyboard alone', async () => {
	const { page, server, faults } = cloud;
	const { keyboard } = page;

	await page.goto('/admin');
	await page.getByLabel('Setup code').waitFor();
	// The first field has the focus.
	await keyboard.type(server.setupCode ?? '');
	await keyboard.press('Tab');
	await keyboard.type('grace');
	await keyboard.press('Tab');
	await keyboard.type('a fine password');
	await keyboard.press('Enter');
	await page.waitForURL('**/admin/apps');

	await keyboard.press('Control+k');
	await page.getByPlaceholder(/Go to an app/).waitFor();
	await page.getByRole('option', { name: 'New app' }).waitFor();
	await keyboard.type('New app');
	await keyboard.press('Enter');
	await page.getByRole('dialog', { name: 'New app' }).waitFor();
	await keyboard.type('Shop');
	await keyboard.press('Enter');
	await page.waitForURL('**/admin/apps/shop');

	await keyboard.press('Control+k');
	await page.getByRole('option', { name: 'New script' }).waitFor();
	await keyboard.type('New script');
	await keyboard.press('Enter');
	await page.getByRole('dialog', { name: 'New script' }).waitFor();
	await keyboard.type('prices');
	await keyboard.press('Enter');
	await page.waitForURL('**/scripts/prices');

	// The editor has the focus.
	await page.locator('.cm-content:focus').waitFor();
	await keyboard.press('Control+a');
	await keyboard.press('Delete');
	await keyboard.insertText('#{ price: 7 }');
	await keyboard.press('Control+Enter');
	await page.getByText('"price": 7').first().waitFor();
	await keyboard.press('Control+s');
	await page.getByText('version 2 is live').first().waitFor();
	// And is left with the keyboard: the first Escape may close what the editor has open.
	await expect
		.poll(async () => {
			await keyboard.press('Escape');
			await keyboard.press('Tab');
			return page.locator('.cm-content:focus').count();
		})
		.toBe(0);
	expect(faults).toEqual([]);
});
