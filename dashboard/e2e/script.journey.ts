import { afterAll, beforeAll, expect, test } from 'vitest';
import { call, seedApp, startCloud, type Cloud } from './cloud';
import { leave, write } from './editor';
import { dialogOf, tabTo } from './keyboard';

let cloud: Cloud;
let script: { id: string };
beforeAll(async () => {
	cloud = await startCloud();
	({ script } = await seedApp(cloud.page, 'shop', '"Hello, " + request.params.name'));
});
afterAll(() => cloud?.close());

const editor = '/admin/apps/shop/scripts/greet';

test('a mistake is shown while it is typed, and saving it changes nothing', async () => {
	const { page } = cloud;
	await page.goto(editor);
	await write(page, 'let x = ;\nx');
	await page.locator('.cm-lintRange-error').first().waitFor();
	await page.getByRole('button', { name: 'Save', exact: true }).click();
	await page.getByText('The old version keeps serving').first().waitFor();
	await page.getByRole('button', { name: 'Dismiss' }).first().click();
	const { version } = await call<{ version: number }>(page, 'GET', `/scripts/${script.id}`);
	expect(version).toBe(1);
});

test('what is not saved is there after the page was closed', async () => {
	const { page } = cloud;
	await page.goto(editor);
	await page.getByText('not saved').first().waitFor();
	expect(await page.locator('.cm-content').innerText()).toContain('let x = ;');
});

test('a script that fails shows its line, and a click leads there', async () => {
	const { page } = cloud;
	await page.goto(editor);
	await write(page, 'log::info("about to fail");\nthrow "out of stock";');
	await page.getByRole('button', { name: 'Save', exact: true }).click();
	await page.getByText('version 2 is live').first().waitFor();
	const answer = await page.request.get(`${cloud.server.url}/api/v1/execute/${script.id}`);
	expect(answer.status()).toBe(500);

	await page.getByRole('button', { name: 'Run', exact: true }).first().click();
	await page.getByRole('alert').getByText('out of stock').first().waitFor();
	await page.getByRole('button', { name: /^line 2/ }).first().click();
	await page.locator('.cm-content:focus').waitFor();
});

test('a failed run is found with its error and its log', async () => {
	const { page } = cloud;
	await page.goto('/admin/apps/shop/executions?status=error');
	const link = page.getByRole('link', { name: /GET/ }).first();
	// Records are written behind the answers.
	for (;;) {
		await page.getByRole('button', { name: 'Refresh' }).click();
		await page.locator('[aria-label="Loading"]').waitFor({ state: 'detached' });
		if ((await link.count()) > 0) break;
	}
	await link.click();
	await page.getByText('out of stock').first().waitFor();
	await page.getByText('about to fail').first().waitFor();
	await page.getByRole('button', { name: 'Open in the run panel' }).click();
	await page.waitForURL(`**${editor}`);
});

test('somebody else\'s save is a conflict that shows both', async () => {
	const { page } = cloud;
	await page.goto(editor);
	await write(page, '"mine"');
	await call(page, 'PATCH', `/scripts/${script.id}`, { source: '"theirs"' });
	await page.getByRole('button', { name: 'Save', exact: true }).click();
	const dialog = page.getByRole('dialog', { name: /Somebody saved version 3/ });
	await dialog.getByText('theirs').first().waitFor();
	await dialog.getByRole('button', { name: 'Save mine over it' }).click();
	await page.getByText('version 4 is live').first().waitFor();
});

test('an older version is back with one click', async () => {
	const { page } = cloud;
	await page.goto(editor);
	await page.getByRole('tab', { name: 'History' }).click();
	const first = page.getByRole('listitem').filter({ hasText: 'Version 1' });
	await first.getByRole('button', { name: 'Roll back' }).click();
	await page.getByRole('dialog').getByRole('button', { name: 'Roll back' }).click();
	await page.getByText('version 5 is live').first().waitFor();
	expect(await page.locator('.cm-content').innerText()).toContain('Hello, ');
});

test('a script is broken, its error found and an older version brought back, with the keyboard alone', async () => {
	const { page } = cloud;
	const { keyboard } = page;
	await page.goto(editor);
	await page.locator('.cm-content:focus').waitFor();
	await keyboard.press('Control+a');
	await keyboard.press('Delete');
	await keyboard.insertText('let stock = 0;\nthrow "sold out";');
	await keyboard.press('Control+s');
	await page.getByText('version 6 is live').first().waitFor();
	await keyboard.press('Control+Enter');
	await page.getByRole('alert').getByText('sold out').first().waitFor();
	await leave(page);
	await tabTo(page, /^line 2/);
	await keyboard.press('Enter');
	await page.locator('.cm-content:focus').waitFor();

	await leave(page);
	await tabTo(page, /^History/);
	await keyboard.press('Enter');
	await page.getByRole('listitem').filter({ hasText: 'Version 6' }).waitFor();
	await tabTo(page, /^Roll back/);
	await keyboard.press('Enter');
	await dialogOf(page);
	await tabTo(page, /^Roll back/);
	await keyboard.press('Enter');
	await page.getByText('version 7 is live').first().waitFor();
	expect(await page.locator('.cm-content').innerText()).toContain('Hello, ');
});

test('an answer is seen as a page, as text and with its headers', async () => {
	const { page } = cloud;
	await page.goto(editor);
	await write(page, `let page = "<style>h1 { color: rgb(1, 2, 3) }</style><h1 style='margin: 7px' onclick='x()'>Menu</h1><script>document.title = 'taken'</script>";\nhtml(page).header("x-of", "the menu")`);
	await page.getByRole('button', { name: 'Run', exact: true }).first().click();
	const title = page.frameLocator('iframe[title="The page as it looks"]').getByRole('heading', { name: 'Menu' });
	await title.waitFor();
	await expect.poll(() => title.evaluate((heading) => getComputedStyle(heading).color)).toBe('rgb(1, 2, 3)');
	expect(await title.evaluate((heading) => getComputedStyle(heading).marginTop)).toBe('7px');
	await page.getByRole('button', { name: 'Raw' }).click();
	await page.getByText('document.title').last().waitFor();
	await page.getByRole('button', { name: 'Headers', exact: true }).click();
	await page.getByText('the menu').last().waitFor();
	expect(await page.title()).not.toBe('taken');
});

test('a request is kept under a name, and there at the next visit', async () => {
	const { page } = cloud;
	await page.goto(editor);
	await page.getByLabel('Path and query').fill('/greet/Lovelace');
	await page.getByRole('button', { name: 'Keep this request' }).click();
	await page.getByLabel('Name of this request').fill('the countess');
	await page.keyboard.press('Enter');
	await page.getByLabel('Path and query').fill('/greet/somebody');
	await page.reload();
	await page.getByRole('button', { name: 'the countess', exact: true }).click();
	expect(await page.getByLabel('Path and query').inputValue()).toBe('/greet/Lovelace');
});

test('the editor knows the script API of the server', async () => {
	const { page } = cloud;
	await page.goto(editor);
	await write(page, '');
	await page.locator('.cm-content').pressSequentially('log::in', { delay: 40 });
	await page.locator('.cm-tooltip-autocomplete').getByText('info').first().waitFor();
	await page.keyboard.press('Escape');
});

test('nothing went wrong in the pages', () => {
	expect(cloud.faults).toEqual([]);
});
