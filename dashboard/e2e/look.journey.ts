import { test } from 'vitest';
import { openBrowser } from './browser';
import { startServer } from './server';
test('look', async () => {
	const server = await startServer();
	const b = await openBrowser(server.url);
	const p = b.page;
	try {
	await p.goto('/admin/apps');
	await p.getByLabel('Setup code').fill(server.setupCode!);
	await p.screenshot({ path: '/tmp/shots/setup.png' });
	await p.getByLabel('Username').fill('ada');
	await p.getByLabel('Password').fill('correct horse battery');
	await p.keyboard.press('Enter');
	await p.getByRole('link', { name: /default/i }).first().waitFor();
	await p.screenshot({ path: '/tmp/shots/apps.png' });
	await p.keyboard.press('Control+k');
	await p.getByPlaceholder(/Go to an app/).waitFor();
	await p.screenshot({ path: '/tmp/shots/palette.png' });
	await p.keyboard.press('Escape');
	await p.getByRole('button', { name: 'New app' }).click();
	await p.getByLabel('Name').fill('Web shop');
	await p.waitForTimeout(800);
	await p.screenshot({ path: '/tmp/shots/newapp.png' });
	await p.keyboard.press('Enter');
	await p.getByText('Write the first script').waitFor();
	await p.screenshot({ path: '/tmp/shots/empty.png' });
	await fetch(server.url + '/'); await fetch(server.url + '/hello/you');
	await p.goto('/admin/apps/default');
	await p.getByText('Latest runs').waitFor();
	await p.waitForTimeout(1500);
	await p.reload();
	await p.getByText('Latest runs').waitFor();
	await p.screenshot({ path: '/tmp/shots/overview.png' });
	await p.emulateMedia({ colorScheme: 'dark' });
	await p.screenshot({ path: '/tmp/shots/overview-dark.png' });
	await p.setViewportSize({ width: 390, height: 844 });
	await p.screenshot({ path: '/tmp/shots/overview-390.png' });
	} finally {
	console.log(b.faults);
	await b.close(); await server.stop();
}
});
