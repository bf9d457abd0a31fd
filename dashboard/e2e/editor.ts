import type { Page } from 'playwright-core';

/** Puts `source` in the place of what the editor holds, by keys, as somebody would who pastes it. */
export async function write(page: Page, source: string) {
	await page.locator('.cm-content').click();
	await page.keyboard.press('Control+a');
	await page.keyboard.press('Delete');
	await page.keyboard.insertText(source);
}

/** Leaves the editor by keys: the first Escape may close what it has open. */
export async function leave(page: Page) {
	do {
		await page.keyboard.press('Escape');
		await page.keyboard.press('Tab');
	} while ((await page.locator('.cm-content:focus').count()) > 0);
}
