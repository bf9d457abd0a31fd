import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';

const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

declare global {
	// What the source above defines in a page.
	var axe: { run: (options: object) => Promise<AxeResults> };
}

/** What keeps people with disabilities out of the page as it is now. Nothing is fine. */
export async function barriers(page: Page): Promise<string[]> {
	// Not as a script of the page, which its policy would forbid.
	await page.evaluate(source);
	const { violations } = await page.evaluate(() => globalThis.axe.run({ resultTypes: ['violations'] }));
	return violations.flatMap(({ id, help, nodes }) => nodes.map((node) => `${id}: ${help}: ${node.html.slice(0, 160)} (${node.any.map((one) => one.message).join('; ')})`));
}
