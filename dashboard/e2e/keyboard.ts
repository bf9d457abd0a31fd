import { expect } from 'vitest';
import type { Locator, Page } from 'playwright-core';

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

/** Goes on with Tab until what `name` fits or is has the focus: a field by its label, anything else by its text. */
export async function tabTo(page: Page, name: RegExp | string) {
	for (let tabs = 0; tabs < TABS_MAX; tabs++) {
		const here = await focused(page);
		if (typeof name === 'string' ? name === here : name.test(here)) return;
		await page.keyboard.press('Tab');
	}
	throw new Error(`Tab never came to ${name}`);
}

/** Waits until `what` has the focus. */
export async function hasFocus(page: Page, what: Locator) {
	await what.and(page.locator(':focus')).waitFor();
}

/** Waits for a dialog that has taken the focus: before that, keys would go to what opened it. */
export async function dialogOf(page: Page, name?: string | RegExp): Promise<Locator> {
	const dialog = page.getByRole('dialog', { name });
	await dialog.and(page.locator(':focus-within')).waitFor();
	return dialog;
}

/** Chooses `item` from the menu that the button called `menu` opens, with Tab, Enter and arrows. */
export async function choose(page: Page, menu: string, item: string) {
	await tabTo(page, menu);
	await page.keyboard.press('Enter');
	const wanted = page.getByRole('menuitem', { name: item });
	await page.getByRole('menu').and(page.locator(':focus-within')).waitFor();
	await expect
		.poll(async () => {
			if ((await wanted.and(page.locator(':focus')).count()) > 0) return true;
			// Whoever went too far begins anew.
			const last = await page.getByRole('menuitem').last().and(page.locator(':focus')).count();
			await page.keyboard.press(last > 0 ? 'Home' : 'ArrowDown');
			return false;
		})
		.toBe(true);
	await page.keyboard.press('Enter');
	await page.getByRole('menu').waitFor({ state: 'detached' });
}

function focused(page: Page): Promise<string> {
	return page.evaluate(() => {
		const element = document.activeElement;
		const label = element && 'labels' in element ? (element as HTMLInputElement).labels?.[0]?.textContent : undefined;
		return (label ?? element?.getAttribute('aria-label') ?? element?.textContent ?? '').trim();
	});
}
