import type { Page } from 'playwright-core';

/** Nothing on a page is further than this from its beginning. */
const TABS_MAX = 100;

/** Chooses `entry` from the palette. */
export async function goTo(page: Page, entry: string) {
	await page.keyboard.press('Control+k');
	await page.getByRole('option', { name: entry, exact: true }).waitFor();
	await page.keyboard.type(entry);
	await page.getByRole('option', { name: entry, exact: true }).and(page.locator('[data-selected]')).waitFor();
	await page.keyboard.press('Enter');
}

/** Goes on with Tab until what `name` fits has the focus: a field by its label, anything else by its text. */
export async function tabTo(page: Page, name: RegExp) {
	for (let tabs = 0; tabs < TABS_MAX; tabs++) {
		if (name.test(await focused(page))) return;
		await page.keyboard.press('Tab');
	}
	throw new Error(`Tab never came to ${name}`);
}

function focused(page: Page): Promise<string> {
	return page.evaluate(() => {
		const element = document.activeElement;
		const label = element instanceof HTMLInputElement || element instanceof HTMLSelectElement ? element.labels?.[0]?.textContent : undefined;
		return (label ?? element?.getAttribute('aria-label') ?? element?.textContent ?? '').trim();
	});
}
