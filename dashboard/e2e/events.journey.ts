// Subscribing, publishing, looking at what follows; schedules; and what is dead.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBrowser } from './browser';
import { call, seedApp, signIn, startCloud, type Cloud } from './cloud';
import { dialogOf, choose, goTo, tabTo } from './keyboard';

const GRACE = { username: 'grace', password: 'a fine password' };
const FIRST = 'event::emit("mails.sent", request.event.data); 1';
const SECOND = 'if request.event.data.order != 8 { retry::never("order " + request.event.data.order + " is not there") } kv::set("mailed", request.event.data.order); 1';

let cloud: Cloud;
beforeAll(async () => {
	cloud = await startCloud();
	const { app } = await seedApp(cloud.page, 'shop', '"Hello"');
	await call(cloud.page, 'POST', '/scripts', { app_id: app.id, name: 'first', source: FIRST });
	const second = await call<{ id: string }>(cloud.page, 'POST', '/scripts', { app_id: app.id, name: 'second', source: SECOND });
	await call(cloud.page, 'POST', '/apps/shop/subscriptions', { name: 'mails', script_id: second.id, topic: 'mails.*' });
	const grace = await call<{ id: string }>(cloud.page, 'POST', '/admins', { ...GRACE, instance_role: 'member' });
	await call(cloud.page, 'POST', '/apps/shop/members', { user_id: grace.id, role: 'viewer' });
});
afterAll(() => cloud?.close());

const events = '/admin/apps/shop/events';

test('a script subscribes, an event is published, and its chain tells what followed', async () => {
	const { page } = cloud;
	await page.goto(events);
	await page.getByRole('button', { name: 'New subscription' }).click();
	const form = page.getByRole('dialog', { name: 'New subscription' });
	await form.getByLabel('Name').fill('orders');
	await form.getByLabel('Script').selectOption('first');
	await form.getByLabel('Topic', { exact: true }).fill('orders placed');
	await form.getByRole('button', { name: 'Subscribe' }).click();
	await form.getByRole('alert').first().waitFor();
	await form.getByLabel('Topic', { exact: true }).fill('orders.placed');
	await form.getByLabel('Filter').fill('{"data.order": {"gt": 1}}');
	await form.getByRole('button', { name: 'Subscribe' }).click();
	await form.waitFor({ state: 'detached' });
	await page.getByRole('cell', { name: 'orders.placed' }).waitFor();
	await page.getByText('filtered').waitFor();

	await page.getByRole('button', { name: 'Publish an event' }).click();
	const publish = page.getByRole('dialog', { name: 'Publish an event' });
	await publish.getByText('Goes to orders').waitFor();
	await publish.getByLabel('Data').fill('{"order": 1}');
	await publish.getByRole('button', { name: 'Publish', exact: true }).click();
	await publish.getByRole('link', { name: 'See what follows from it' }).click();
	await page.getByText('Nothing followed from it').waitFor();

	await page.goto(events);
	await page.getByRole('button', { name: 'Publish an event' }).click();
	await publish.getByLabel('Data').fill('{"order": 7}');
	await publish.getByRole('button', { name: 'Publish', exact: true }).click();
	await publish.getByRole('link', { name: 'See what follows from it' }).click();

	// It goes on while somebody looks: two events, and the second is dead in the end.
	await page.getByText('2 events, 2 deliveries, 2 runs').waitFor();
	for (const name of ['first', 'second']) await page.getByRole('link', { name, exact: true }).waitFor();
	await page.getByText('dead', { exact: true }).waitFor();
	await page.getByText('mails.sent').waitFor();

	// From a run back to the chain.
	await page.getByRole('link', { name: 'second', exact: true }).click();
	await page.getByRole('heading', { name: 'Log' }).waitFor();
	await page.getByRole('link', { name: 'Causes and effects' }).click();
	await page.locator('[aria-current=true]').getByText('second').waitFor();
});

test('what is dead is looked at, gets other data, and is done', async () => {
	const { page } = cloud;
	await page.goto(`${events}/dead`);
	await page.getByRole('cell', { name: 'order 7 is not there' }).waitFor();
	await page.getByRole('link', { name: 'mails.sent' }).click();
	await page.getByText('Its script said that trying again is of no use.').waitFor();
	await page.getByText('"order": 7').waitFor();
	await page.getByRole('button', { name: 'Give another chance…' }).click();
	const again = page.getByRole('dialog', { name: 'Another chance' });
	await again.getByLabel('Data').fill('{"order": 8}');
	await again.getByRole('button', { name: 'Run it with this data' }).click();
	await again.waitFor({ state: 'detached' });
	await page.getByText('done', { exact: true }).first().waitFor();
	await page.getByText('"order": 8').waitFor();
	const { value } = await call<{ value: unknown }>(page, 'GET', '/apps/shop/kv/mailed');
	expect(value).toBe(8);
	await page.getByRole('region', { name: 'Executions' }).getByRole('row').nth(2).waitFor();
	await page.goto(`${events}/dead`);
	await page.getByText('Nothing is dead').waitFor();
});

test('what is dead is deleted together', async () => {
	const { page } = cloud;
	const scripts = await call<{ items: { id: string; name: string }[] }>(page, 'GET', '/scripts?app=shop');
	const second = scripts.items.find(({ name }) => name === 'second')!;
	const origin = new URL(page.url()).origin;
	for (const order of [1, 2]) {
		const answer = await page.request.post(`${origin}/api/v1/execute/${second.id}?async=true`, { headers: { origin }, data: { order } });
		expect(answer.status()).toBe(202);
	}
	await page.goto(`${events}/dead`);
	await page.getByRole('button', { name: 'Run asynchronous request again' }).nth(1).waitFor();
	await page.getByRole('button', { name: 'Delete all…' }).click();
	const asked = page.getByRole('dialog', { name: 'Delete all?' });
	await asked.getByText('2 dead events').waitFor();
	await asked.getByRole('button', { name: 'Delete them' }).click();
	await page.getByText('Nothing is dead').waitFor();
});

test('by keyboard: a schedule is made, run, looked at and paused', async () => {
	const { page } = cloud;
	const { keyboard } = page;
	await page.goto('/admin/apps/shop');
	await page.getByText('Latest runs').waitFor();
	await goTo(page, 'Schedules');
	await page.getByText('No schedule yet').waitFor();
	await tabTo(page, /^New schedule/);
	await keyboard.press('Enter');
	const form = await dialogOf(page, 'New schedule');
	await keyboard.type('often');
	await tabTo(page, /^Pattern/);
	await keyboard.press('Control+a');
	await keyboard.type('61 * * * *');
	await form.getByRole('alert').waitFor();
	await keyboard.press('Control+a');
	// Each second: its ledger has rows at once.
	await keyboard.type('* * * * * *');
	await form.getByRole('list', { name: 'Next times' }).getByRole('listitem').nth(9).waitFor();
	await keyboard.press('Enter');
	await form.waitFor({ state: 'detached' });
	await page.getByRole('link', { name: 'often' }).waitFor();

	await choose(page, 'Actions for often', 'Ledger');
	await page.getByRole('region', { name: 'Ledger' }).getByText(/^(ran|late)$/).first().waitFor();
	await tabTo(page, /^Run now/);
	await keyboard.press('Enter');
	await page.getByRole('heading', { name: /^schedule to / }).waitFor();
	await page.getByText('done', { exact: true }).first().waitFor();
	await page.getByRole('region', { name: 'Executions' }).getByRole('link').first().waitFor();

	await goTo(page, 'Schedules');
	await page.getByRole('link', { name: 'often' }).waitFor();
	await choose(page, 'Actions for often', 'Pause');
	await page.getByRole('cell', { name: 'paused' }).waitFor();
	// On its own page, too.
	await page.getByRole('link', { name: 'often' }).click();
	await page.getByRole('button', { name: 'Resume' }).click();
	await page.getByRole('button', { name: 'Pause' }).click();
	await page.getByText('nothing of this runs until it goes on').waitFor();
});

test('who only sees changes nothing', async () => {
	const browser = await openBrowser(cloud.server.url);
	try {
		const { page } = browser;
		await signIn(page, GRACE);
		await page.goto(events);
		await page.getByRole('cell', { name: 'orders.placed' }).waitFor();
		for (const name of ['New subscription', 'Publish an event']) expect(await page.getByRole('button', { name }).getAttribute('aria-disabled')).toBe('true');
		await page.getByRole('button', { name: 'Actions for orders' }).click();
		expect(await page.getByRole('menuitem', { name: 'Delete…' }).getAttribute('aria-disabled')).toBe('true');
		await page.keyboard.press('Escape');
		await page.goto(`${events}/schedules`);
		await page.getByRole('link', { name: 'often' }).click();
		expect(await page.getByRole('button', { name: 'Run now' }).getAttribute('aria-disabled')).toBe('true');
		expect(browser.faults).toEqual([]);
	} finally {
		await browser.close();
	}
});

test('a subscription gets its events in batches, is paused and deleted', async () => {
	const { page } = cloud;
	await page.goto(events);
	await page.getByRole('button', { name: 'Actions for mails' }).click();
	await page.getByRole('menuitem', { name: 'Edit' }).click();
	const form = page.getByRole('dialog', { name: 'Change mails' });
	await form.getByLabel('A run gets several events').check();
	await form.getByLabel('Events at most').fill('20');
	await form.getByLabel('Runs at one time').fill('3');
	await form.getByRole('button', { name: 'Save subscription' }).click();
	await form.waitFor({ state: 'detached' });
	for (const words of ['batches', '3 at once']) await page.getByText(words, { exact: true }).waitFor();
	for (const item of ['Pause', 'Resume']) {
		await page.getByRole('button', { name: 'Actions for mails' }).click();
		await page.getByRole('menuitem', { name: item }).click();
		await page.getByText('paused', { exact: true }).waitFor({ state: item === 'Pause' ? 'visible' : 'detached' });
	}
	await page.getByRole('button', { name: 'Actions for mails' }).click();
	await page.getByRole('menuitem', { name: 'Delete…' }).click();
	await page.getByRole('button', { name: 'Delete subscription' }).click();
	await page.getByRole('cell', { name: 'mails.*' }).waitFor({ state: 'detached' });
	const { items } = await call<{ items: unknown[] }>(page, 'GET', '/apps/shop/subscriptions');
	expect(items.length).toBe(1);
});

test('nothing went wrong in the pages', () => {
	expect(cloud.faults).toEqual([]);
});
