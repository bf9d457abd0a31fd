import { afterEach, beforeEach, expect, test } from 'vitest';
import { startCloud, type Cloud } from './cloud';
import { leave } from './editor';
import { Visitor } from './visitor';

let cloud: Cloud;
beforeEach(async () => {
	cloud = await startCloud({ owner: false });
});
afterEach(() => cloud.close());

/** Who knows no more than the README's first paragraph has an endpoint of their own within so much. */
const CLICKS_MAX = 8;
const PERSON_SECONDS_MAX = 120;

test('from a fresh start to an endpoint that answers', async () => {
	const { page, server, faults } = cloud;
	const visitor = new Visitor(page);
	const button = (name: string) => page.getByRole('button', { name, exact: true }).first();

	// The server said where the dashboard is and what the code is. The first field has the focus.
	await page.goto('/admin');
	await page.getByLabel('Setup code').and(page.locator(':focus')).waitFor();
	await visitor.type(server.setupCode ?? '');
	await visitor.press('Tab');
	await visitor.type('grace');
	await visitor.press('Tab');
	await visitor.type('a fine password');
	await visitor.click(button('Make me the owner'));

	// There is one app.
	await visitor.click(page.getByRole('link', { name: 'Default' }));
	await visitor.click(button('New script'));
	await page.getByLabel('Name').and(page.locator(':focus')).waitFor();
	await visitor.type('double');
	await visitor.press('Tab');
	await visitor.press('Tab');
	// The path is that of the name, and chosen as a whole.
	await page.getByLabel('Path', { exact: true }).and(page.locator(':focus')).waitFor();
	await visitor.type('/double/{number}');
	await visitor.click(button('Create and edit'));

	// The editor has the focus.
	await page.locator('.cm-content:focus').waitFor();
	await visitor.press('Control+a');
	await visitor.press('Delete');
	await visitor.type('let n = request.params.number.parse_int(); n * 2');
	await visitor.click(page.getByLabel('Path and query'));
	await visitor.press('Control+a');
	await visitor.type('/double/21');
	await visitor.click(button('Run'));
	await page.getByRole('region', { name: 'Result' }).getByText('42', { exact: true }).waitFor();
	await visitor.click(button('Save'));
	await page.getByText('version 2 is live').first().waitFor();

	const answer = await fetch(`${server.url}/double/4`);
	expect(await answer.text()).toBe('8');
	console.log(`walk-through to a first endpoint: ${visitor}`);
	expect(visitor.clicks).toBeLessThanOrEqual(CLICKS_MAX);
	expect(visitor.personSeconds).toBeLessThanOrEqual(PERSON_SECONDS_MAX);
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
	// And is left with the keyboard.
	await leave(page);
	expect(faults).toEqual([]);
});
