import type { Page } from 'playwright-core';

/** Puts `source` in the place of what the editor holds, by keys, as somebody would who pastes it. */
export async function write(page: Page, source: string) {
	await page.locator('.cm-content').click();
	await page.keyboard.press('Control+a');
	await page.keyboard.press('Delete');
	await page.keyboard.insertText(source);
}
