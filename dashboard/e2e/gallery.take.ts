// Takes a picture of every page, wide and narrow, light and dark, into `gallery/`.
import { mkdirSync, writeFileSync } from 'node:fs';
import { test } from 'vitest';
import { openBrowser } from './browser';
import { signIn, startCloud } from './cloud';
import { write } from './editor';
import { fill, FRONT, GRACE, invitation, PAGES, type Shown } from './pages';
import { Authenticator } from './totp';

const OUT = process.env.PICLOUD_GALLERY ?? 'gallery';
/** Only the pages whose names fit this, if it is there. */
const ONLY = new RegExp(process.env.PICLOUD_GALLERY_ONLY ?? '');
const SIZES = { wide: { width: 1440, height: 900 }, narrow: { width: 390, height: 844 }, huge: { width: 2560, height: 1300 } };

test('gallery', async () => {
	mkdirSync(OUT, { recursive: true });
	const cloud = await startCloud();
	try {
		const filled = await fill(cloud.page);
		for (const shown of PAGES) await take(cloud.page, shown);
		await failing(cloud.page);
		const front = await openBrowser(cloud.server.url);
		for (const shown of [...FRONT, invitation(filled.invitation)]) await take(front.page, shown);
		await signingInWithTwo(front.page);
		await front.close();
	} finally {
		await cloud.close();
	}
});

type Page = Parameters<Shown['ready']>[0];

async function take(page: Page, { name, path, ready }: Shown, before?: (page: Page) => Promise<unknown>) {
	if (!ONLY.test(name)) return;
	for (const [size, viewport] of Object.entries(SIZES)) {
		await page.setViewportSize(viewport);
		await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
		await page.goto(path);
		await ready(page);
		await before?.(page);
		for (const colorScheme of ['light', 'dark'] as const) {
			await page.emulateMedia({ colorScheme });
			await shootStill(page, `${OUT}/${name}-${size}-${colorScheme}.png`);
		}
	}
}

/** The pages of a member, who then takes a second factor. */
async function signingInWithTwo(page: Page) {
	await signIn(page, GRACE);
	await take(page, { name: 'people-refused', path: '/admin/admins', ready: (page) => page.getByText('This page is for').waitFor() });
	await take(page, { name: 'configuration-refused', path: '/admin/apps/shop/configuration', ready: (page) => page.getByText('MAIL_KEY').waitFor() });
	await take(page, { name: 'settings-refused', path: '/admin/apps/shop/settings', ready: (page) => page.getByRole('heading', { name: 'Delete' }).waitFor() });
	await take(page, { name: 'keys-new-failing', path: '/admin/apps/shop/data', ready: (page) => page.getByRole('button', { name: 'visits', exact: true }).waitFor() }, wrongValue);
	await page.goto('/admin/account');
	await page.getByRole('button', { name: 'Set up…' }).click();
	await page.getByLabel('Password').last().fill(GRACE.password);
	await page.getByRole('button', { name: 'Go on' }).click();
	const secret = await page.getByText(/^[A-Z2-7]{4}( [A-Z2-7]{4})+$/).innerText();
	await page.getByLabel('Code', { exact: true }).fill(new Authenticator(secret.replaceAll(' ', '')).code());
	await page.getByRole('button', { name: 'Turn on' }).click();
	await page.getByRole('list', { name: 'Recovery codes' }).waitFor();
	await shoot(page, 'account-recovery-codes');
	await page.getByRole('button', { name: 'I have kept them' }).click();
	const on = { name: 'account-second-factor-on', path: '/admin/account', ready: (page: Page) => page.getByText('10 recovery codes are left').waitFor() };
	await take(page, on);
	await take(page, { ...on, name: 'account-second-factor-off' }, async (page) => {
		await page.getByRole('button', { name: 'Turn off…' }).click();
		await page.getByRole('dialog').waitFor();
	});
	await page.context().clearCookies();
	await page.goto('/admin/login');
	await page.getByLabel('Username').fill(GRACE.username);
	await page.getByLabel('Password').fill(GRACE.password);
	await page.getByRole('button', { name: 'Sign in' }).click();
	await page.getByLabel('Code', { exact: true }).waitFor();
	await shoot(page, 'login-second-factor');
}

/** A value that is no JSON. */
async function wrongValue(page: Page) {
	await page.getByRole('button', { name: 'New key' }).click();
	const dialog = page.getByRole('dialog');
	await dialog.getByLabel('Key', { exact: true }).fill('greeting');
	await dialog.getByLabel('Value').fill('{\n  "text": "Hello",\n}');
	await dialog.getByLabel('Expires').focus();
	await dialog.getByRole('alert').waitFor();
}

/** Takes a picture once nothing changes any more: what is in fields gets its colour some frames later. */
async function shootStill(page: Page, path: string) {
	let last: Buffer = Buffer.of();
	let next = await page.screenshot();
	while (!next.equals(last)) {
		await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
		[last, next] = [next, await page.screenshot()];
	}
	writeFileSync(path, next);
}

/** What stands there only once, in all sizes and colours. */
async function shoot(page: Page, name: string) {
	if (!ONLY.test(name)) return;
	for (const [size, viewport] of Object.entries(SIZES)) {
		await page.setViewportSize(viewport);
		for (const colorScheme of ['light', 'dark'] as const) {
			await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
			await shootStill(page, `${OUT}/${name}-${size}-${colorScheme}.png`);
		}
	}
}

/** What it looks like when something does not work. */
async function failing(page: Page) {
	const script = PAGES.find(({ name }) => name === 'script');
	if (script) {
		await take(page, { ...script, name: 'script-failing' }, async (page) => {
			await page.getByLabel('Path and query').fill('/greet/nobody');
			await page.getByRole('button', { name: 'Run', exact: true }).first().click();
			await page.getByRole('alert').first().waitFor();
		});
		await take(page, { ...script, name: 'script-run' }, async (page) => {
			await page.getByLabel('Path and query').fill('/greet/Ada');
			await page.getByRole('button', { name: 'Run', exact: true }).first().click();
			await page.getByText('"letters": 3').first().waitFor();
		});
		await take(page, { ...script, name: 'script-page' }, async (page) => {
			await write(page, `html("<style>body { font: 16px sans-serif; padding: 24px } h1 { color: teal }</style><h1>Menu</h1><p>Soup, bread and cheese.</p>")`);
			await page.getByRole('button', { name: 'Run', exact: true }).first().click();
			await page.frameLocator('iframe').getByText('Soup').waitFor();
		});
		await take(page, { ...script, name: 'script-history' }, async (page) => {
			await page.getByRole('tab', { name: 'History' }).click();
			await page.getByText('greets by name').waitFor();
		});
		await take(page, { ...script, name: 'script-compared' }, async (page) => {
			await page.getByRole('tab', { name: 'History' }).click();
			await page.getByRole('button', { name: 'Compare' }).last().click();
			await page.getByRole('dialog').locator('.cm-content').waitFor();
		});
	}
	await page.setViewportSize(SIZES.wide);
	await page.goto('/admin/apps/shop/executions?status=error');
	const href = await page.getByRole('link', { name: /GET/ }).first().getAttribute('href');
	if (href) await take(page, { name: 'execution-failed', path: href, ready: (page) => page.getByText('greeting nobody').first().waitFor() });
	await page.route('**/api/v1/admin/apps?**', (route) => route.abort());
	await take(page, { name: 'apps-unreachable', path: '/admin/apps', ready: (page) => page.getByText('Check that PiCloud is running').first().waitFor() });
	await page.unroute('**/api/v1/admin/apps?**');
	for (const [name, path, call] of [
		['executions-unreachable', '/admin/apps/shop/executions', '**/api/v1/admin/**/executions*'],
		['app-unreachable', '/admin/apps/shop', '**/api/v1/admin/scripts?**'],
		['keys-unreachable', '/admin/apps/shop/data', '**/api/v1/admin/apps/*/kv?**'],
		['users-unreachable', '/admin/apps/shop/data/users', '**/api/v1/admin/apps/*/users?**'],
		['configuration-unreachable', '/admin/apps/shop/configuration', '**/api/v1/admin/apps/*/secrets'],
		['script-unreachable', '/admin/apps/shop/scripts/greet', '**/api/v1/admin/scripts?**'],
		['people-unreachable', '/admin/admins', '**/api/v1/admin/admins?**'],
		['audit-unreachable', '/admin/audit', '**/api/v1/admin/audit?**'],
		['account-unreachable', '/admin/account', '**/api/v1/admin/auth/totp']
	] as const) {
		await page.route(call, (route) => route.abort());
		await take(page, { name, path, ready: (page) => page.getByText('Check that PiCloud is running').first().waitFor() });
		await page.unroute(call);
	}
	const home = PAGES[0];
	if (home) {
		await take(page, { ...home, name: 'palette' }, async (page) => {
			await page.keyboard.press('Control+k');
			await page.getByRole('option').first().waitFor();
		});
	}
}
