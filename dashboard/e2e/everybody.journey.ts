import { afterAll, beforeAll, expect, test } from 'vitest';
import { barriers } from './axe';
import { openBrowser } from './browser';
import { startCloud, type Cloud } from './cloud';
import { fill, FRONT, invitation, PAGES } from './pages';

/** What the list of apps may load, and the narrowest screen. */
const SCRIPT_BYTES_MAX = 120_000;
const NARROW = 360;
const WIDE = 2_560;

let cloud: Cloud;
let invited: string;
beforeAll(async () => {
	cloud = await startCloud();
	({ invitation: invited } = await fill(cloud.page));
});
afterAll(() => cloud?.close());

for (const colorScheme of ['light', 'dark'] as const) {
	test(`no page keeps anybody out, ${colorScheme}`, async () => {
		const { page } = cloud;
		await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
		const found: string[] = [];
		for (const { name, path, ready } of PAGES) {
			await page.goto(path);
			await ready(page);
			found.push(...(await barriers(page)).map((barrier) => `${name}: ${barrier}`));
		}
		expect(found).toEqual([]);
	});
}

test('no page scrolls sideways, however narrow or wide', async () => {
	const { page } = cloud;
	const found: string[] = [];
	for (const width of [NARROW, WIDE]) {
		await page.setViewportSize({ width, height: 800 });
		for (const { name, path, ready } of PAGES) {
			await page.goto(path);
			await ready(page);
			const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
			if (over > 0) found.push(`${name} at ${width}: ${over} px`);
		}
	}
	await page.setViewportSize({ width: 1440, height: 900 });
	expect(found).toEqual([]);
});

// A build that is not compiled in is not compressed.
test.skipIf(process.env.PICLOUD_DASHBOARD_DIST)('the list of apps is small', async () => {
	const { page } = cloud;
	const client = await cloud.context.newCDPSession(page);
	await client.send('Network.enable');
	await client.send('Network.setCacheDisabled', { cacheDisabled: true });
	const sizes = new Map<string, number>();
	const scripts = new Set<string>();
	client.on('Network.responseReceived', ({ requestId, type }) => type === 'Script' && scripts.add(requestId));
	client.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => sizes.set(requestId, encodedDataLength));
	await page.goto('/admin/apps');
	await page.getByRole('link', { name: 'Empty' }).waitFor();
	const total = [...scripts].reduce((sum, id) => sum + (sizes.get(id) ?? 0), 0);
	expect(total).toBeGreaterThan(0);
	expect(total).toBeLessThanOrEqual(SCRIPT_BYTES_MAX);
	await client.detach();
});

test('the pages in front of the door keep nobody out', async () => {
	const front = await openBrowser(cloud.server.url);
	try {
		for (const colorScheme of ['light', 'dark'] as const) {
			await front.page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
			for (const { path, ready } of [...FRONT, invitation(invited)]) {
				await front.page.goto(path);
				await ready(front.page);
				expect(await barriers(front.page)).toEqual([]);
			}
		}
		expect(front.faults).toEqual([]);
	} finally {
		await front.close();
	}
});

test('nothing went wrong in the pages', () => {
	expect(cloud.faults).toEqual([]);
});
