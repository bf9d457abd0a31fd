import type { Page } from 'playwright-core';
import { call, OWNER, recorded, seedApp } from './cloud';

/** A page of the dashboard, as it is looked at by the checks and the gallery. */
export interface Shown {
	name: string;
	path: string;
	/** What is there once it is complete. */
	ready: (page: Page) => Promise<unknown>;
}

const button = (name: string | RegExp) => (page: Page) => page.getByRole('button', { name }).first().waitFor();
const heading = (name: string | RegExp) => (page: Page) => page.getByRole('heading', { name }).first().waitFor();
const text = (words: string | RegExp) => (page: Page) => page.getByText(words).first().waitFor();

/** All pages, for somebody who is signed in, over what {@link fill} makes. A new page gets a line here. */
export const PAGES: Shown[] = [
	{ name: 'apps', path: '/admin/apps', ready: (page) => page.getByRole('link', { name: 'Empty' }).waitFor() },
	{ name: 'apps-new', path: '/admin/apps?new', ready: (page) => page.getByRole('dialog').waitFor() },
	{ name: 'app', path: '/admin/apps/shop', ready: text('Latest runs') },
	{ name: 'app-empty', path: '/admin/apps/empty', ready: text('Write the first script') },
	{ name: 'app-missing', path: '/admin/apps/nothing', ready: text('There is nothing here') },
	{ name: 'scripts', path: '/admin/apps/shop/scripts', ready: (page) => page.getByRole('link', { name: 'greet' }).waitFor() },
	{ name: 'scripts-empty', path: '/admin/apps/empty/scripts', ready: text('No script yet') },
	{ name: 'script', path: '/admin/apps/shop/scripts/greet', ready: (page) => page.locator('.cm-content').waitFor() },
	{ name: 'routes', path: '/admin/apps/shop/routes', ready: (page) => page.getByRole('link', { name: 'greet' }).first().waitFor() },
	{ name: 'routes-empty', path: '/admin/apps/empty/routes', ready: text('No route yet') },
	{ name: 'executions', path: '/admin/apps/shop/executions', ready: (page) => page.getByRole('link', { name: /GET/ }).first().waitFor() },
	{ name: 'executions-empty', path: '/admin/apps/empty/executions', ready: text('Nothing has run yet') },
	{ name: 'executions-none', path: '/admin/apps/shop/executions?q=nothing+like+this', ready: text('No run is like that') },
	{ name: 'executions-charts', path: '/admin/apps/shop/executions', ready: charts },
	{ name: 'execution', path: '/admin/apps/shop/executions?status=success', ready: firstRun },
	{ name: 'subscriptions', path: '/admin/apps/shop/events', ready: subscriptions },
	{ name: 'subscriptions-empty', path: '/admin/apps/empty/events', ready: text('No subscription yet') },
	{ name: 'subscriptions-new', path: '/admin/apps/shop/events', ready: opened(subscriptions, 'New subscription') },
	{ name: 'subscriptions-edit', path: '/admin/apps/shop/events', ready: item(subscriptions, 'Actions for orders-to-mail', 'Edit') },
	{ name: 'subscriptions-menu', path: '/admin/apps/shop/events', ready: item(subscriptions, 'Actions for orders-to-mail') },
	{ name: 'subscriptions-publish', path: '/admin/apps/shop/events', ready: opened(subscriptions, 'Publish an event') },
	{ name: 'schedules', path: '/admin/apps/shop/events/schedules', ready: schedules },
	{ name: 'schedules-empty', path: '/admin/apps/empty/events/schedules', ready: text('No schedule yet') },
	{ name: 'schedules-new', path: '/admin/apps/shop/events/schedules', ready: newSchedule },
	{ name: 'schedules-wrong', path: '/admin/apps/shop/events/schedules', ready: wrongSchedule },
	{ name: 'schedule', path: '/admin/apps/shop/events/schedules', ready: schedule('heartbeat', /ran|late/) },
	{ name: 'schedule-new', path: '/admin/apps/shop/events/schedules', ready: schedule('nightly', 'Not due yet') },
	{ name: 'queue', path: '/admin/apps/shop/events/queue', ready: (page) => page.getByRole('region', { name: 'Events' }).waitFor() },
	{ name: 'queue-none', path: '/admin/apps/shop/events/queue?state=cancelled', ready: text('No event is like that') },
	{ name: 'queue-empty', path: '/admin/apps/empty/events/queue', ready: text('Nothing on its way') },
	{ name: 'queue-cancel', path: '/admin/apps/shop/events/queue?state=waiting', ready: opened(button(/^Cancel/), /^Cancel/) },
	{ name: 'dead', path: '/admin/apps/shop/events/dead', ready: dead },
	{ name: 'dead-empty', path: '/admin/apps/empty/events/dead', ready: text('Nothing is dead') },
	{ name: 'dead-redrive', path: '/admin/apps/shop/events/dead', ready: opened(dead, /^Run .* again$/) },
	{ name: 'dead-all', path: '/admin/apps/shop/events/dead', ready: opened(dead, 'Give all another chance…') },
	{ name: 'delivery', path: '/admin/apps/shop/events/dead', ready: delivery },
	{ name: 'delivery-gone', path: '/admin/apps/shop/events/deliveries/01890a5d-ac96-774b-bcce-b302099a8057', ready: text('An event that is no longer kept') },
	{ name: 'chain', path: '/admin/apps/shop/events/dead', ready: chain },
	{ name: 'chain-missing', path: '/admin/apps/shop/events/chains/01890a5d-ac96-774b-bcce-b302099a8057', ready: (page) => page.getByText('Nothing followed from it').waitFor() },
	{ name: 'apps-search', path: '/admin/apps', ready: searched },
	{ name: 'keys', path: '/admin/apps/shop/data', ready: button('visits') },
	{ name: 'keys-none', path: '/admin/apps/shop/data?prefix=nothing', ready: text('No key begins with that') },
	{ name: 'keys-empty', path: '/admin/apps/empty/data', ready: text('No key yet') },
	{ name: 'keys-entry', path: '/admin/apps/shop/data?prefix=session', ready: entry },
	{ name: 'keys-new', path: '/admin/apps/shop/data', ready: opened(button('visits'), 'New key') },
	{ name: 'keys-transfer', path: '/admin/apps/shop/data', ready: opened(button('visits'), 'Import and export') },
	{ name: 'keys-delete', path: '/admin/apps/shop/data', ready: opened(button('visits'), 'Delete visits') },
	{ name: 'collections', path: '/admin/apps/shop/data/collections', ready: (page) => page.getByRole('link', { name: 'notes' }).waitFor() },
	{ name: 'collections-empty', path: '/admin/apps/empty/data/collections', ready: text('No collection yet') },
	{ name: 'collections-new', path: '/admin/apps/shop/data/collections', ready: opened((page) => page.getByRole('link', { name: 'notes' }).waitFor(), 'New collection') },
	{ name: 'documents', path: '/admin/apps/shop/data/collections/notes', ready: button(/milk/) },
	{ name: 'documents-none', path: '/admin/apps/shop/data/collections/notes?filter={"slug":"nothing"}', ready: text('No document is like that') },
	{ name: 'documents-wrong', path: '/admin/apps/shop/data/collections/notes?filter={"slug":{"like":"m"}}', ready: text('This cannot be looked for') },
	{ name: 'documents-empty', path: '/admin/apps/shop/data/collections/drafts', ready: text('No document yet') },
	{ name: 'documents-new', path: '/admin/apps/shop/data/collections/notes', ready: opened(button(/milk/), 'New document') },
	{ name: 'documents-entry', path: '/admin/apps/shop/data/collections/notes', ready: opened(button(/milk/), /^\{.*milk/) },
	{ name: 'users', path: '/admin/apps/shop/data/users', ready: button('Actions for Joan') },
	{ name: 'users-none', path: '/admin/apps/shop/data/users', ready: noUser },
	{ name: 'users-empty', path: '/admin/apps/empty/data/users', ready: text('No user yet') },
	{ name: 'users-new', path: '/admin/apps/shop/data/users', ready: opened(button('Actions for Joan'), 'New user') },
	{ name: 'users-edit', path: '/admin/apps/shop/data/users', ready: userEdited },
	{ name: 'configuration', path: '/admin/apps/shop/configuration', ready: configuration },
	{ name: 'configuration-empty', path: '/admin/apps/empty/configuration', ready: text('No secret yet') },
	{ name: 'configuration-value', path: '/admin/apps/shop/configuration', ready: opened(configuration, 'New value…') },
	{ name: 'configuration-secret', path: '/admin/apps/shop/configuration', ready: opened(configuration, 'New secret…') },
	{ name: 'configuration-replace', path: '/admin/apps/shop/configuration', ready: opened(configuration, 'Replace MAIL_KEY') },
	{ name: 'smtp', path: '/admin/apps/shop/configuration', ready: smtp },
	{ name: 'brokers', path: '/admin/apps/shop/configuration', ready: brokers },
	{ name: 'brokers-empty', path: '/admin/apps/empty/configuration', ready: inSight('No broker yet') },
	{ name: 'brokers-new', path: '/admin/apps/shop/configuration', ready: opened(brokers, 'New broker…') },
	{ name: 'brokers-change', path: '/admin/apps/shop/configuration', ready: item(brokers, 'Actions for home', 'Change…') },
	{ name: 'brokers-menu', path: '/admin/apps/shop/configuration', ready: item(brokers, 'Actions for home') },
	{ name: 'releases', path: '/admin/apps/shop/releases', ready: text('live') },
	{ name: 'releases-empty', path: '/admin/apps/empty/releases', ready: text('No release yet') },
	{ name: 'domains', path: '/admin/apps/shop/domains', ready: (page) => page.getByRole('cell', { name: 'shop.test' }).waitFor() },
	{ name: 'members', path: '/admin/apps/shop/members', ready: (page) => page.getByRole('cell', { name: 'grace' }).first().waitFor() },
	{ name: 'members-empty', path: '/admin/apps/empty/members', ready: text('No member yet') },
	{ name: 'members-add', path: '/admin/apps/shop/members', ready: memberAdded },
	{ name: 'members-remove', path: '/admin/apps/shop/members', ready: memberRemoved },
	{ name: 'settings-rename', path: '/admin/apps/shop/settings', ready: renamed },
	{ name: 'settings-delete', path: '/admin/apps/shop/settings', ready: opened(heading('Settings'), 'Delete app…') },
	{ name: 'settings', path: '/admin/apps/shop/settings', ready: heading('Settings') },
	{ name: 'domains-empty', path: '/admin/apps/empty/domains', ready: text('No domain yet') },
	{ name: 'app-audit', path: '/admin/apps/shop/audit', ready: button('create script') },
	{ name: 'account', path: '/admin/account', ready: account },
	{ name: 'account-token', path: '/admin/account', ready: opened(account, 'New token…') },
	{ name: 'account-second-factor', path: '/admin/account', ready: secret },
	{ name: 'people', path: '/admin/admins', ready: people },
	{ name: 'people-nobody', path: '/admin/admins', ready: nobody },
	{ name: 'people-new', path: '/admin/admins?new', ready: dialog },
	{ name: 'people-invite', path: '/admin/admins?invite', ready: dialog },
	{ name: 'people-menu', path: '/admin/admins', ready: menuOf('grace') },
	{ name: 'people-edit', path: '/admin/admins', ready: chosen('grace', 'Edit…') },
	{ name: 'people-password', path: '/admin/admins', ready: chosen('grace', 'New password…') },
	{ name: 'people-deactivate', path: '/admin/admins', ready: chosen('grace', 'Deactivate…') },
	{ name: 'people-delete', path: '/admin/admins', ready: chosen('grace', 'Delete…') },
	{ name: 'audit', path: '/admin/audit', ready: button('create script') },
	{ name: 'audit-none', path: '/admin/audit?actor=nobody', ready: text('No record is like that') },
	{ name: 'audit-record', path: '/admin/audit?action=update_script', ready: opened(button('update script'), 'update script') },
	{ name: 'audit-verified', path: '/admin/audit', ready: verified }
];

/** The pages for those who are not. */
export const FRONT: Shown[] = [
	{ name: 'login', path: '/admin/login', ready: heading('Sign in to PiCloud') },
	{ name: 'login-wrong', path: '/admin/login', ready: wrongPassword },
	{ name: 'invitation-gone', path: '/admin/invitations/pci_nothing', ready: heading('This invitation is no longer good') }
];

/** The page that an invitation leads to. */
export const invitation = (path: string): Shown => ({ name: 'invitation', path, ready: heading('Welcome to PiCloud') });

async function charts(page: Page) {
	await page.locator('figure canvas').nth(1).waitFor();
}

async function firstRun(page: Page) {
	await page.getByRole('link', { name: /GET/ }).first().click();
	await page.getByText('greeting').first().waitFor();
}

async function entry(page: Page) {
	await page.getByRole('button', { name: /^session/ }).first().click();
	await page.getByRole('dialog').getByLabel('Value').waitFor();
}

async function noUser(page: Page) {
	await button('Actions for Joan')(page);
	await page.getByLabel('Search users').fill('zzz');
	await text('No name begins with that')(page);
}

async function userEdited(page: Page) {
	await page.getByRole('button', { name: 'Actions for Joan' }).click();
	await page.getByRole('menuitem', { name: 'Edit…' }).click();
	await page.getByRole('dialog').getByLabel('Data').waitFor();
}

async function configuration(page: Page) {
	await Promise.all([button('Replace MAIL_KEY')(page), button('Delete greeting')(page), page.getByRole('textbox', { name: 'Allowed' }).waitFor()]);
}

async function smtp(page: Page) {
	await configuration(page);
	await page.getByRole('button', { name: 'Send a test message' }).scrollIntoViewIfNeeded();
}

async function brokers(page: Page) {
	await configuration(page);
	await button('Actions for factory')(page);
	await page.getByRole('button', { name: 'Actions for home' }).scrollIntoViewIfNeeded();
}

/** Something far down a page, which then is at its end on the screen. */
function inSight(words: string) {
	return async (page: Page) => {
		await text(words)(page);
		await page.getByText(words).first().scrollIntoViewIfNeeded();
	};
}

async function subscriptions(page: Page) {
	await button('Actions for orders-to-mail')(page);
}

async function schedules(page: Page) {
	await page.getByRole('link', { name: 'heartbeat' }).waitFor();
}

async function newSchedule(page: Page) {
	await opened(schedules, 'New schedule')(page);
	await page.getByRole('list', { name: 'Next times' }).getByRole('listitem').nth(9).waitFor();
}

async function wrongSchedule(page: Page) {
	await newSchedule(page);
	await page.getByLabel('Pattern', { exact: true }).fill('61 * * * *');
	await page.getByRole('dialog').getByRole('alert').waitFor();
}

function schedule(name: string, words: string | RegExp) {
	return async (page: Page) => {
		await schedules(page);
		await page.getByRole('link', { name }).click();
		await heading('Ledger')(page);
		await page.getByText(words).first().waitFor();
	};
}

async function dead(page: Page) {
	await page.getByRole('region', { name: 'Dead letters' }).waitFor();
	await button('Give all another chance…')(page);
	await page.getByLabel('Script', { exact: true }).getByText('mail').waitFor({ state: 'attached' });
}

async function delivery(page: Page) {
	await dead(page);
	await page.getByRole('region', { name: 'Dead letters' }).getByRole('link').first().click();
	await heading('What it carries')(page);
}

async function chain(page: Page) {
	await delivery(page);
	await page.getByRole('link', { name: 'Causes and effects' }).click();
	await page.getByText('3 events').waitFor();
}

/** A menu that a button opens, and what one of its items opens. */
function item(ready: Shown['ready'], menu: string, name?: string) {
	return async (page: Page) => {
		await ready(page);
		await page.getByRole('button', { name: menu }).click();
		await page.getByRole('menu').waitFor();
		if (!name) return;
		await page.getByRole('menuitem', { name, exact: true }).click();
		await page.getByRole('dialog').waitFor();
	};
}

async function searched(page: Page) {
	await page.getByLabel('Search apps').fill('nothing like this');
	await text('No app has these words')(page);
}

async function account(page: Page) {
	await Promise.all([text('this one')(page), text('laptop')(page), button('Set up…')(page)]);
}

async function secret(page: Page) {
	await account(page);
	await page.getByRole('button', { name: 'Set up…' }).click();
	await page.getByRole('dialog').getByLabel('Password').fill(OWNER.password);
	await page.getByRole('button', { name: 'Go on' }).click();
	await page.getByRole('img', { name: 'QR code' }).waitFor();
}

async function people(page: Page) {
	await Promise.all([button('Actions for grace')(page), text('chooses a username')(page)]);
}

async function nobody(page: Page) {
	await people(page);
	await page.getByLabel('Search people').fill('zzz');
	await text('Nobody is called that')(page);
}

async function memberAdded(page: Page) {
	await page.getByRole('button', { name: 'Add member' }).first().click();
	await page.getByRole('radio', { name: 'rosalind' }).check();
}

async function memberRemoved(page: Page) {
	await page.getByRole('button', { name: 'Actions for grace' }).click();
	await page.getByRole('menuitem', { name: 'Remove…' }).click();
	await page.getByRole('dialog').waitFor();
}

async function renamed(page: Page) {
	await page.getByLabel('Slug').fill('store');
	await text('Free. It stands')(page);
}

async function verified(page: Page) {
	await button('create script')(page);
	await page.getByRole('button', { name: 'Verify the log' }).click();
	await text('The log is as it was written')(page);
}

async function wrongPassword(page: Page) {
	await heading('Sign in to PiCloud')(page);
	await page.getByLabel('Username').fill('somebody');
	await page.getByLabel('Password').fill('not the password');
	await page.getByRole('button', { name: 'Sign in' }).click();
	await page.getByRole('alert').waitFor();
}

/** A dialog that opens with the page, once what is beneath it is complete. */
async function dialog(page: Page) {
	await page.getByRole('dialog').waitFor();
	await text('chooses a username')(page);
}

/** A dialog that a button opens. */
function opened(ready: Shown['ready'], name: string | RegExp) {
	return async (page: Page) => {
		await ready(page);
		await page.getByRole('button', { name }).first().click();
		await page.getByRole('dialog').waitFor();
	};
}

function menuOf(name: string) {
	return async (page: Page) => {
		await people(page);
		await page.getByRole('button', { name: `Actions for ${name}` }).click();
		await page.getByRole('menu').waitFor();
	};
}

function chosen(name: string, item: string) {
	return async (page: Page) => {
		await menuOf(name)(page);
		await page.getByRole('menuitem', { name: item }).click();
		await page.getByRole('dialog').waitFor();
	};
}

const SOURCE = `// Greets whoever the path names.
let name = request.params.name ?? "World";
log::info(\`greeting \${name}\`);
kv::incr("greeted:" + name);

if name == "nobody" {
    throw "nobody is not to be greeted";
}

#{ greeting: "Hello, " + name + "!", letters: name.len() }
`;

/** Who is an editor of the app. */
export const GRACE = { username: 'grace', password: 'a fine password' };

const EMITS = `let order = request.json() ?? #{ order: 7 };
event::emit("orders.placed", order, #{ key: "ada", subject: "order 7" });
event::emit("orders.paid", order);
response(202, "thanks")
`;

/** Scripts that subscribe, events that are done, that wait and that are dead, and schedules. */
async function fillEvents(page: Page, app_id: string) {
	const script = (name: string, source: string) => call<{ id: string }>(page, 'POST', '/scripts', { app_id, name, source });
	const order = await script('order', EMITS);
	const mail = await script('mail', 'if request.event != () && request.event.data.order != 1 { throw "the mail server refused: 451 try again later" } 1');
	const stock = await script('stock', 'event::emit("stock.low", #{ item: "cheese", left: 2 }); 1');
	const beat = await script('beat', 'log::info("still there"); 1');
	const later = await script('later', 'retry::after(86_000, "the shop is closed")');
	await call(page, 'POST', '/routes', { script_id: order.id, path: '/order', methods: ['POST'] });
	const subscribe = (name: string, script_id: string, topic: string, more = {}) => call(page, 'POST', '/apps/shop/subscriptions', { name, script_id, topic, ...more });
	await subscribe('orders-to-mail', mail.id, 'orders.placed', { ordered: true, retry: { attempts_max: 2, first_delay_ms: 0 }, filter: { 'data.order': { gt: 0 } } });
	await subscribe('orders-to-stock', stock.id, 'orders.placed');
	await subscribe('paid', later.id, 'orders.paid');
	await subscribe('low-stock', later.id, 'stock.*', { on_failure: { topic: 'stock.failed' } });
	await subscribe('what-is-dead', stock.id, 'picloud.delivery.dead', { is_paused: true });
	const schedule = (name: string, script_id: string, schedule: unknown, more = {}) => call<{ id: string }>(page, 'POST', '/apps/shop/schedules', { name, script_id, schedule, ...more });
	await schedule('nightly', mail.id, { kind: 'cron', pattern: '30 3 * * MON-FRI', zone: 'Asia/Kolkata' }, { arguments: { days: 30, keep: ['orders'] } });
	const heartbeat = await schedule('heartbeat', beat.id, { kind: 'every', seconds: 1 });
	await schedule('once', order.id, { kind: 'at', at: '2040-01-01T00:00:00Z' }, { is_paused: true });
	const origin = new URL(page.url()).origin;
	const answer = await page.request.post(`${origin}/order`, { headers: { host: 'shop.test', origin }, data: { order: 7, customer: 'ada', items: ['cheese', 'bread'] } });
	if (!answer.ok()) throw new Error(`POST /order answered ${answer.status()}`);
	await until(async () => (await call<{ items: unknown[] }>(page, 'GET', '/apps/shop/deliveries?state=dead')).items.length > 0);
	await until(async () => (await call<{ items: unknown[] }>(page, 'GET', `/apps/shop/schedules/${heartbeat.id}/ledger`)).items.length > 1);
	await call(page, 'PATCH', `/apps/shop/schedules/${heartbeat.id}`, { is_paused: true });
}

/** Asks until it is so. */
async function until(is: () => Promise<boolean>) {
	while (!(await is()));
}

/** An app with all kinds of things, one with nothing, and people. The answer holds the path of an invitation. */
export async function fill(page: Page) {
	const { app, script } = await seedApp(page, 'shop', '"Hello"');
	await call(page, 'PATCH', `/scripts/${script.id}`, { source: SOURCE, note: 'greets by name' });
	await call(page, 'POST', '/apps', { slug: 'empty', name: 'Empty', description: 'An app without anything' });
	const grace = await call<{ id: string }>(page, 'POST', '/admins', { ...GRACE, instance_role: 'member' });
	await call(page, 'POST', '/apps/shop/members', { user_id: grace.id, role: 'editor' });
	const mary = { username: 'mary', password: 'a fine password', email: 'mary@example.com', instance_role: 'member' };
	const { id } = await call<{ id: string }>(page, 'POST', '/admins', mary);
	await call(page, 'POST', '/apps/shop/members', { user_id: id, role: 'app_admin' });
	await call(page, 'PATCH', `/admins/${id}`, { is_active: false });
	for (const username of ['joan', 'rosalind']) await call(page, 'POST', '/admins', { ...GRACE, username, instance_role: 'member' });
	await call(page, 'POST', '/admins', { ...mary, username: 'katherine', email: 'katherine@example.com', instance_role: 'admin' });
	await call(page, 'POST', '/invitations', { email: 'joan@example.com', instance_role: 'admin' });
	const invitation = await call<{ path: string }>(page, 'POST', '/invitations', { username: 'annie', instance_role: 'member', app: 'shop', app_role: 'viewer' });
	const session = { user: 'ada', roles: ['admin', 'editor'], basket: [{ item: 'cheese', count: 2, price: 4.5 }] };
	await call(page, 'PUT', '/apps/shop/kv/visits', { value: 1_234 });
	await call(page, 'PUT', '/apps/shop/kv/session:8f14e45f', { value: session, ttl_seconds: 5 * 3_600 });
	await call(page, 'PUT', '/apps/shop/kv/picture:logo', { blob_base64: Buffer.alloc(20_480, 7).toString('base64') });
	await call(page, 'PUT', '/apps/shop/kv/feed:news', { value: 'All that is new. '.repeat(600) });
	const schema = { type: 'object', required: ['slug'], properties: { slug: { type: 'string' }, price: { type: 'number' } } };
	await call(page, 'POST', '/apps/shop/collections', { name: 'notes', indexes: [{ path: 'day' }, { path: 'slug', unique: true }], schema });
	await call(page, 'POST', '/apps/shop/collections', { name: 'drafts' });
	for (const slug of ['milk', 'bread', 'cheese']) {
		await call(page, 'POST', '/apps/shop/collections/notes/documents', { id: slug, document: { slug, day: '2026-03-01', price: 4.5, tags: ['market', 'saturday'], note: `Where the best ${slug} is sold` } });
	}
	await call(page, 'POST', '/apps/shop/users', { name: 'Joan', password: 'a fine password', email: 'joan@example.com', data: { plan: 'free', since: 2026 } });
	await call(page, 'POST', '/apps/shop/users', { name: 'Rosalind', password: 'a fine password', is_active: false });
	for (const name of ['MAIL_KEY', 'WEATHER_TOKEN']) await call(page, 'PUT', `/apps/shop/secrets/${name}`, { value: 'not a real one' });
	await call(page, 'PUT', '/apps/shop/config/greeting', { value: 'Hello' });
	await call(page, 'PUT', '/apps/shop/config/limits', { value: { items: 20, currencies: ['EUR', 'CHF'] } });
	await call(page, 'PUT', '/apps/shop/egress', { allow: ['api.example.com', '*.example.org:443'] });
	await call(page, 'PUT', '/apps/shop/smtp', { host: 'mail.example.com', security: 'starttls', username: 'shop', password: 'not a real one', from: ['Shop <shop@example.com>'] });
	const filters = [{ filter: 'sensors/+/temp' }, { filter: 'lamp/#', qos: 0 }];
	// The address is not public, and not on the list of where the app may connect to: nobody is asked for a connection.
	await call(page, 'PUT', '/apps/shop/brokers/home', { url: 'mqtts://10.1.2.3', version: '5', username: 'shop', password: 'not a real one', filters });
	await call(page, 'PUT', '/apps/shop/brokers/factory', { url: 'mqtt://10.1.2.4:1884', is_paused: true });
	await call(page, 'POST', '/tokens', { name: 'laptop', app: 'shop', role: 'editor' });
	await call(page, 'POST', '/tokens', { name: 'deploy from CI', expires_at: new Date(Date.now() + 30 * 86_400_000).toISOString() });
	await fillEvents(page, app.id);
	const origin = new URL(page.url()).origin;
	for (const name of ['Ada', 'Grace', 'nobody']) {
		await page.request.get(`${origin}/greet/${name}`, { headers: { host: 'shop.test' } });
	}
	await recorded(page, 'shop', 3);
	return { invitation: invitation.path };
}
