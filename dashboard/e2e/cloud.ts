import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import type { Page } from 'playwright-core';
import { openBrowser, type Browser, type Looks } from './browser';
import { startServer, type Server } from './server';

export const OWNER = { username: 'ada', password: 'correct horse battery' };

/** A server and somebody in front of it. */
export interface Cloud extends Browser {
	server: Server;
}

/** Starts both. With an owner, they are signed in. */
export async function startCloud({ owner = true, ...looks }: Looks & { owner?: boolean } = {}): Promise<Cloud> {
	const server = await startServer({ owner: owner ? OWNER : undefined, databaseUrl: newDatabase() });
	const browser = await openBrowser(server.url, looks);
	if (owner) await signIn(browser.page);
	const close = async () => {
		await browser.close();
		await server.stop();
	};
	return { ...browser, server, close };
}

export async function signIn(page: Page, { username, password } = OWNER) {
	await page.goto('/admin/login');
	await page.getByLabel('Username').fill(username);
	await page.getByLabel('Password').fill(password);
	await page.getByRole('button', { name: 'Sign in' }).click();
	await page.waitForURL('**/admin/apps');
}

/** A call of the API by whoever is signed in. */
export async function call<T = Record<string, unknown>>(page: Page, method: string, path: string, body?: unknown): Promise<T> {
	const origin = new URL(page.url()).origin;
	const answer = await page.request.fetch(`${origin}/api/v1/admin${path}`, { method, data: body, headers: { origin } });
	const text = await answer.text();
	if (!answer.ok()) throw new Error(`${method} ${path} answered ${answer.status()}: ${text}`);
	return (text ? JSON.parse(text) : {}) as T;
}

/** An app with a script and a route to it. */
export async function seedApp(page: Page, slug: string, source: string) {
	const app = await call<{ id: string }>(page, 'POST', '/apps', { slug, name: slug, description: 'What the tests are about' });
	await call(page, 'POST', `/apps/${slug}/domains`, { pattern: `${slug}.test` });
	const script = await call<{ id: string }>(page, 'POST', '/scripts', { app_id: app.id, name: 'greet', source });
	await call(page, 'POST', '/routes', { script_id: script.id, path: '/greet/{name}', methods: ['GET'] });
	return { app, script };
}

/** Waits until so many runs of an app are recorded and counted, which happens behind their answers. */
export async function recorded(page: Page, slug: string, runs: number) {
	for (;;) {
		const { items } = await call<{ items: unknown[] }>(page, 'GET', `/apps/${slug}/executions`);
		const { total } = await call<{ total: { counts: Record<string, number> } }>(page, 'GET', `/apps/${slug}/executions:stats`);
		const counted = Object.values(total.counts).reduce((sum, count) => sum + count, 0);
		if (items.length >= runs && counted >= runs) return;
	}
}

/** On PostgreSQL each server has a database of its own. */
function newDatabase(): string | undefined {
	const url = process.env.PICLOUD_TEST_DATABASE === 'postgres' ? process.env.PICLOUD_TEST_POSTGRES_URL : undefined;
	if (!url) return undefined;
	const name = `journey_${randomBytes(6).toString('hex')}`;
	execFileSync(process.env.PICLOUD_TEST_PSQL ?? 'psql', [url, '--quiet', '--command', `CREATE DATABASE ${name}`]);
	return Object.assign(new URL(url), { pathname: `/${name}` }).toString();
}
