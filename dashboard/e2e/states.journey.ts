// Every page while it waits, when there is no answer, and when the network is back.
import type { Route } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { barriers } from './axe';
import { startCloud, type Cloud } from './cloud';
import { fill, PAGES } from './pages';

/** One of each kind of page; the others are these with something open. */
const ASKING = ['apps', 'app', 'scripts', 'routes', 'executions', 'subscriptions', 'schedules', 'queue', 'dead', 'keys', 'collections', 'documents', 'users', 'configuration', 'releases', 'domains', 'members', 'settings', 'app-audit', 'account', 'people', 'audit'];

/** What the frame of every page asks for: who this is, and which app. */
const FRAME = /\/api\/v1\/admin\/(auth\/me|setup|apps\/shop)$/;

let cloud: Cloud;
beforeAll(async () => {
	cloud = await startCloud();
	await fill(cloud.page);
});
afterAll(() => cloud?.close());

for (const name of ASKING) {
	test(`${name}: waits, says that nothing answers, and goes on by itself`, async () => {
		const shown = PAGES.find((page) => page.name === name);
		if (!shown) throw new Error(`there is no page ${name}`);
		const { page, context } = cloud;
		const held: Route[] = [];
		let away = false;
		await page.route(
			({ pathname }) => pathname.startsWith('/api/v1/admin/') && !FRAME.test(pathname),
			(route) => (away ? route.abort() : void held.push(route))
		);
		await page.goto(shown.path);
		await page.getByRole('status', { name: 'Loading' }).first().waitFor();

		away = true;
		await Promise.all(held.map((route) => route.abort()));
		await page.getByText('Check that PiCloud is running').first().waitFor();
		await page.getByRole('button', { name: 'Try again' }).first().waitFor();
		expect(await barriers(page)).toEqual([]);

		await context.setOffline(true);
		await page.getByText('This device is offline').waitFor();
		expect(await barriers(page)).toEqual([]);
		await page.unrouteAll();
		await context.setOffline(false);
		await page.getByText('This device is offline').waitFor({ state: 'detached' });
		await shown.ready(page);
		await expect.poll(() => page.getByText('Check that PiCloud is running').count()).toBe(0);
	});
}

test('who tries again by hand gets what is there then', async () => {
	const { page } = cloud;
	await page.route('**/api/v1/admin/apps?**', (route) => route.abort());
	await page.goto('/admin/apps');
	const again = page.getByRole('button', { name: 'Try again' });
	await again.waitFor();
	await page.unrouteAll();
	await again.click();
	await page.getByRole('link', { name: 'Empty' }).waitFor();
});

test('nothing went wrong in the pages', () => {
	expect(cloud.faults).toEqual([]);
});
