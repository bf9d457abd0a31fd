// How long somebody waits for the list of apps on a slow line, with nothing in the cache: `npm run first-view`.
import { expect, test } from 'vitest';
import { openBrowser } from './browser';
import { call, signIn, startCloud } from './cloud';

/** 1.6 Mbit/s down, 750 kbit/s up and 150 ms there and back, as Lighthouse has a slow 4G. */
const LINE = { offline: false, latency: 150, downloadThroughput: 1_600_000 / 8, uploadThroughput: 750_000 / 8 };
const ROUNDS = 5;
const APPS = 20;

interface View {
	/** The first thing that is seen. */
	painted: number;
	/** The list of apps is there. */
	listed: number;
	requests: number;
	bytes: number;
}

test('the first view on a slow line', async () => {
	const cloud = await startCloud();
	try {
		for (let number = 1; number <= APPS; number++) await call(cloud.page, 'POST', '/apps', { slug: `app-${number}`, name: `App ${number}` });
		const views: View[] = [];
		for (let round = 0; round < ROUNDS; round++) views.push(await look(cloud.server.url));
		const [best] = [...views].sort((a, b) => a.listed - b.listed);
		for (const { painted, listed, requests, bytes } of views) console.log(`list of apps after ${listed} ms, first paint after ${painted} ms, ${requests} requests, ${bytes} bytes`);
		expect(best?.requests).toBeGreaterThan(0);
	} finally {
		await cloud.close();
	}
});

async function look(origin: string): Promise<View> {
	const { page, context, close } = await openBrowser(origin);
	try {
		await signIn(page);
		await page.goto('about:blank');
		const client = await context.newCDPSession(page);
		await client.send('Network.enable');
		await client.send('Network.clearBrowserCache');
		await client.send('Network.emulateNetworkConditions', LINE);
		let requests = 0;
		let bytes = 0;
		client.on('Network.requestWillBeSent', () => (requests += 1));
		client.on('Network.loadingFinished', ({ encodedDataLength }) => (bytes += encodedDataLength));
		await page.goto('/admin/apps');
		await page.getByRole('link', { name: `App ${APPS}`, exact: true }).waitFor();
		// By the page's own clock, from when it was asked for.
		const [listed, painted] = await page.evaluate(async () => [performance.now(), performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0]);
		return { painted: Math.round(painted ?? 0), listed: Math.round(listed ?? 0), requests, bytes };
	} finally {
		await close();
	}
}
