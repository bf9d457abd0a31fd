import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type BrowserContext, type Page } from 'playwright-core';
import { takePagesFrom } from './local-pages';

/** A machine that is busy with other things is slow; nothing here is about speed. */
export const WAIT_MS_MAX = 60_000;

const FLAGS = [
	'--no-sandbox',
	'--disable-gpu',
	'--disable-dev-shm-usage',
	'--disable-background-networking',
	'--disable-component-update',
	'--disable-quic',
	'--disable-sync',
	'--no-first-run',
	'--no-default-browser-check'
];

export interface Looks {
	width?: number;
	height?: number;
	dark?: boolean;
}

/** A browser as somebody has it who never used it before. */
export interface Browser {
	page: Page;
	context: BrowserContext;
	/** What went wrong in its pages: errors of scripts, violations of the policy, requests to elsewhere. */
	faults: string[];
	close(): Promise<void>;
}

/** Starts Debian's Chromium at the pages of `origin`. */
export async function openBrowser(origin: string, { width = 1440, height = 900, dark = false }: Looks = {}): Promise<Browser> {
	const profile = mkdtempSync(join(tmpdir(), 'picloud-chromium-'));
	const context = await chromium.launchPersistentContext(profile, {
		executablePath: process.env.PICLOUD_CHROMIUM ?? '/usr/bin/chromium',
		headless: true,
		args: FLAGS,
		baseURL: origin,
		viewport: { width, height },
		colorScheme: dark ? 'dark' : 'light',
		reducedMotion: 'reduce',
		permissions: ['clipboard-read', 'clipboard-write'],
		timeout: WAIT_MS_MAX
	});
	context.setDefaultTimeout(WAIT_MS_MAX);
	const dist = process.env.PICLOUD_DASHBOARD_DIST;
	if (dist) await takePagesFrom(dist, context);
	const page = context.pages()[0] ?? (await context.newPage());
	const faults: string[] = [];
	page.on('pageerror', (error) => faults.push(`error: ${error.message}`));
	page.on('console', (message) => {
		// A refused request is logged by the browser and shown by the page; it is no fault of the page.
		const ordinary = message.text().startsWith('Failed to load resource');
		if (message.type() === 'error' && !ordinary) faults.push(`console: ${message.text()}`);
	});
	page.on('request', (request) => {
		const url = new URL(request.url());
		if (/^https?:$/.test(url.protocol) && url.origin !== origin) faults.push(`request to ${url.origin}`);
	});
	const close = async () => {
		await context.close();
		rmSync(profile, { recursive: true, force: true });
	};
	return { page, context, faults, close };
}
