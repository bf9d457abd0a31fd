import { afterAll, beforeAll, expect, test } from 'vitest';
import { barriers } from './axe';
import { recorded, seedApp, startCloud, type Cloud } from './cloud';

const SOURCE = `if request.params.name == "nobody" { throw "nobody is not to be greeted"; } "Hello, " + request.params.name`;

let cloud: Cloud;
beforeAll(async () => {
	cloud = await startCloud();
	await seedApp(cloud.page, 'shop', SOURCE);
});
afterAll(() => cloud?.close());

const executions = '/admin/apps/shop/executions';
const run = (name: string) => cloud.page.request.get(`${cloud.server.url}/greet/${name}`, { headers: { host: 'shop.test' } });
const link = (name: string) => cloud.page.getByRole('link', { name: `GET /greet/${name}` });

test('a run appears while somebody looks, and not while the view is paused', async () => {
	const { page } = cloud;
	await page.goto(executions);
	await page.getByRole('status').getByText('Live', { exact: true }).waitFor();
	await page.getByText('Nothing has run yet').waitFor();
	await run('Ada');
	await link('Ada').waitFor();

	await page.getByRole('button', { name: 'Pause' }).click();
	await page.getByRole('status').getByText('Paused').waitFor();
	await run('Grace');
	await recorded(page, 'shop', 2);
	expect(await link('Grace').count()).toBe(0);

	// What came in between comes when it goes on.
	await page.getByRole('button', { name: 'Go live' }).click();
	await link('Grace').waitFor();
	await link('Ada').waitFor();
});

test('runs are counted over time, as a chart, in words and as a table', async () => {
	const { page } = cloud;
	await run('nobody');
	await recorded(page, 'shop', 3);
	for (const colorScheme of ['light', 'dark'] as const) {
		await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
		await page.goto(executions);
		await page.getByText('3 runs, 1 failed').first().waitFor();
		await page.getByRole('img', { name: /^Bars of the runs.*3 runs, 1 failed/ }).locator('canvas').waitFor();
		await page.getByRole('img', { name: /^Lines of the time/ }).locator('canvas').waitFor();
		expect(await barriers(page)).toEqual([]);
	}
	// By keyboard: the table leads to the runs of a time.
	await page.getByText('As a table').focus();
	await page.keyboard.press('Enter');
	const time = page.getByRole('region', { name: 'Runs over time, in numbers' }).getByTitle('Show these runs').first();
	await time.focus();
	await page.keyboard.press('Enter');
	await page.waitForURL(/[?&]since=.*&until=/);
	await page.getByText('Chosen time').waitFor();
	await page.getByRole('status').getByText('Not live').waitFor();
});

test('a filter is in the address, and holds for what is live', async () => {
	const { page } = cloud;
	await page.goto(executions);
	await page.getByLabel('Status', { exact: true }).selectOption('error');
	await page.waitForURL(/status=error/);
	await link('nobody').waitFor();
	await link('Ada').waitFor({ state: 'detached' });
	await page.getByLabel('Script', { exact: true }).selectOption('greet');
	await page.getByLabel('Trigger', { exact: true }).selectOption('http');
	await page.getByLabel('Time', { exact: true }).selectOption('1h');
	await page.getByLabel(/^Text in/).fill('greeted');
	await page.keyboard.press('Enter');
	await page.waitForURL(/q=greeted/);
	const address = page.url();
	for (const part of ['status=error', 'script=', 'trigger=http', 'span=1h']) expect(address).toContain(part);

	// The address alone is enough, and what ends now is held against it too.
	await page.goto('about:blank');
	await page.goto(address);
	await link('nobody').first().waitFor();
	await page.getByRole('status').getByText('Live', { exact: true }).waitFor();
	await run('Mary');
	await run('nobody');
	await link('nobody').nth(1).waitFor();
	expect(await link('Mary').count()).toBe(0);
});

test('nothing went wrong in the pages', () => {
	expect(cloud.faults).toEqual([]);
});
