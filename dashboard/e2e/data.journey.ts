// What an app keeps, as the people who work on it see it.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { barriers } from './axe';
import { openBrowser } from './browser';
import { call, seedApp, signIn, startCloud, type Cloud } from './cloud';
import { choose, dialogOf, goTo, hasFocus, tabTo } from './keyboard';

const SOURCE = `kv::set(request.params.name, #{ price: 1.0, id: 9007199254740993 }); "kept"`;
const PASSWORD = 'a fine password';

let cloud: Cloud;
beforeAll(async () => {
	cloud = await startCloud();
	await seedApp(cloud.page, 'shop', SOURCE);
	const { id } = await call<{ id: string }>(cloud.page, 'POST', '/admins', { username: 'grace', password: PASSWORD, instance_role: 'member' });
	await call(cloud.page, 'POST', '/apps/shop/members', { user_id: id, role: 'app_admin' });
	await run('first');
});
afterAll(() => cloud?.close());

const run = (name: string) => cloud.page.request.get(`${cloud.server.url}/greet/${name}`, { headers: { host: 'shop.test' } });

test('what an app keeps is on its first page, and an owner sets how much it may, with the keyboard alone', async () => {
	const { page } = cloud;
	const { keyboard } = page;
	await page.goto('/admin/apps/shop');
	await page.getByText(/^Keys and users: 1 with /).waitFor();
	await page.goto('/admin/apps/shop/settings');
	const field = page.getByLabel('Most keys and documents');
	await field.waitFor();
	await tabTo(page, /^Most keys and documents$/);
	await hasFocus(page, field);
	await keyboard.press('Control+a');
	await keyboard.type('1');
	await keyboard.press('Enter');
	await page.getByText(/may keep .* in 1 keys and documents/).first().waitFor();

	// What is there can be written anew, one more cannot be.
	expect((await run('first')).status()).toBe(200);
	expect((await run('second')).status()).toBe(507);
	await page.goto('/admin/apps/shop');
	await page.getByText('Scripts that write more get an error').waitFor();

	// An empty field is the default.
	await page.goto('/admin/apps/shop/settings');
	await field.fill('');
	await page.getByRole('button', { name: 'Save quotas' }).click();
	await page.getByText(/in 10,000,000 keys and documents/).first().waitFor();
	expect((await run('second')).status()).toBe(200);
});

test('an app admin sees quotas and is told who sets them', async () => {
	const hers = await openBrowser(cloud.server.url);
	try {
		const { page } = hers;
		await signIn(page, { username: 'grace', password: PASSWORD });
		await page.goto('/admin/apps/shop/settings');
		await page.getByText('Quotas are set by owners and admins').waitFor();
		expect(await page.getByLabel('Most keys and documents').isDisabled()).toBe(true);
		expect(hers.faults).toEqual([]);
	} finally {
		await hers.close();
	}
});

const keys = () => call<{ items: { key: string }[] }>(cloud.page, 'GET', '/apps/shop/kv').then(({ items }) => items.map(({ key }) => key));
/** A value as the server writes it: what JavaScript makes of its numbers is something else. */
const value = async (key: string) => (await cloud.page.request.get(`${cloud.server.url}/api/v1/admin/apps/shop/kv/${encodeURIComponent(key)}`)).text();

test('a key is found, changed, made and deleted with the keyboard alone', async () => {
	const { page } = cloud;
	const { keyboard } = page;
	await page.goto('/admin/apps/shop');
	await page.getByText(/^Keys and users: 2 with /).waitFor();
	await goTo(page, 'Data');
	await page.getByRole('button', { name: 'second', exact: true }).waitFor();
	await tabTo(page, /^Search keys/);
	await keyboard.type('fir');
	await page.waitForURL(/prefix=fir$/);
	await page.getByRole('button', { name: 'second', exact: true }).waitFor({ state: 'detached' });

	await tabTo(page, 'first');
	await keyboard.press('Enter');
	const dialog = await dialogOf(page, 'Key');
	const field = dialog.getByLabel('Value');
	await field.waitFor();
	expect(await field.inputValue()).toContain('"id": 9007199254740993');
	expect(await field.inputValue()).toContain('"price": 1.0');
	await tabTo(page, 'Value');
	await keyboard.press('Control+a');
	await keyboard.insertText('{"price": 2.0, "id": 9007199254740995}');
	await tabTo(page, 'Save');
	await keyboard.press('Enter');
	await dialog.waitFor({ state: 'detached' });
	expect(await value('first')).toMatch(/"price":2\.0/);
	expect(await value('first')).toMatch(/"id":9007199254740995/);

	await tabTo(page, /^New key/);
	await keyboard.press('Enter');
	const made = await dialogOf(page, 'New key');
	await hasFocus(page, made.getByLabel('Key', { exact: true }));
	await keyboard.type('fire/works');
	await tabTo(page, 'Value');
	await keyboard.insertText('"soon');
	await tabTo(page, 'Expires');
	await made.getByText(/^(Line 1, column|This is no JSON)/).waitFor();
	await keyboard.press('A');
	await made.getByLabel('How many').waitFor();
	await keyboard.press('Shift+Tab');
	await keyboard.insertText('"');
	await tabTo(page, 'Create key');
	await keyboard.press('Enter');
	await made.waitFor({ state: 'detached' });
	await page.getByRole('row', { name: /^fire\/works/ }).getByText('in 1 hour').waitFor();

	await tabTo(page, 'Delete fire/works');
	await keyboard.press('Enter');
	await dialogOf(page, 'Delete fire/works?');
	await tabTo(page, 'Delete key');
	await keyboard.press('Enter');
	await page.getByRole('row', { name: /^fire\/works/ }).waitFor({ state: 'detached' });
	expect(await keys()).toEqual(['first', 'second']);
});

test('what scripts change while somebody edits it is shown, and not overwritten', async () => {
	const { page } = cloud;
	const { keyboard } = page;
	const write = (price: number) => call(page, 'PUT', '/apps/shop/kv/second', { value: { price } });
	const there = () => call<{ value: unknown }>(page, 'GET', '/apps/shop/kv/second').then(({ value }) => value);
	await page.goto('/admin/apps/shop/data');
	await page.getByRole('button', { name: 'second', exact: true }).click();
	const dialog = await dialogOf(page, 'Key');
	const field = dialog.getByLabel('Value', { exact: true });
	await field.waitFor();

	// Somebody writes meanwhile: nothing is lost on either side.
	await write(5);
	await field.fill('{"price": 6}');
	await tabTo(page, 'Save');
	await keyboard.press('Enter');
	await dialog.getByRole('alert').getByText('It was changed in the meantime').waitFor();
	await dialog.getByLabel('Yours beside what is there now').waitFor();
	expect(await field.inputValue()).toBe('{"price": 6}');
	expect(await there()).toEqual({ price: 5 });
	expect(await barriers(page)).toEqual([]);
	await tabTo(page, 'Overwrite it');
	await keyboard.press('Enter');
	await dialog.waitFor({ state: 'detached' });
	expect(await there()).toEqual({ price: 6 });

	// Or what is there is loaded, and edited.
	await page.getByRole('button', { name: 'second', exact: true }).click();
	await field.waitFor();
	await write(7);
	await field.fill('{"price": 8}');
	await dialog.getByRole('button', { name: 'Save' }).click();
	await dialog.getByRole('button', { name: 'Load what is there' }).click();
	expect(JSON.parse(await field.inputValue())).toEqual({ price: 7 });
	await dialog.getByRole('button', { name: 'Cancel' }).click();
	await dialog.waitFor({ state: 'detached' });

	// What is deleted is what was seen.
	await page.reload();
	await page.getByRole('row', { name: /^second/ }).waitFor();
	await write(9);
	await page.getByRole('button', { name: 'Delete second' }).click();
	const asked = await dialogOf(page, 'Delete second?');
	await asked.getByRole('button', { name: 'Delete key' }).click();
	await asked.getByRole('alert').getByText('It was changed since you saw it').waitFor();
	await asked.getByText('{"price":9}').waitFor();
	await asked.getByRole('button', { name: 'Cancel' }).click();
	await asked.waitFor({ state: 'detached' });
	expect(await there()).toEqual({ price: 9 });
});

test('keys are taken out as a file and in from one', async () => {
	const { page } = cloud;
	await page.goto('/admin/apps/shop/data');
	await page.getByRole('button', { name: 'Import and export' }).click();
	const dialog = page.getByRole('dialog', { name: 'Import and export keys' });
	const [file] = await Promise.all([page.waitForEvent('download'), dialog.getByRole('link', { name: 'Export as JSON' }).click()]);
	const lines = readFileSync(await file.path(), 'utf8').trim().split('\n');
	expect(lines).toHaveLength(2);
	expect(lines[0]).toContain('9007199254740995');

	const third = (lines[0] ?? '').replace('"first"', '"third"');
	await dialog.getByLabel('File').setInputFiles({ name: 'keys.ndjson', mimeType: 'application/x-ndjson', buffer: Buffer.from(`${third}\n`) });
	await dialog.getByRole('button', { name: 'Import', exact: true }).click();
	await dialog.getByText('Imported: 1 written').waitFor();
	await dialog.getByRole('button', { name: 'Done' }).click();
	await page.getByRole('button', { name: 'third', exact: true }).waitFor();
	expect(await value('third')).toContain('9007199254740995');
});

test('a viewer reads keys and is told what changing them takes', async () => {
	const { page: owners } = cloud;
	const { id } = await call<{ id: string }>(owners, 'POST', '/admins', { username: 'mary', password: PASSWORD, instance_role: 'member' });
	await call(owners, 'POST', '/apps/shop/members', { user_id: id, role: 'viewer' });
	const hers = await openBrowser(cloud.server.url);
	try {
		const { page } = hers;
		await signIn(page, { username: 'mary', password: PASSWORD });
		await page.goto('/admin/apps/shop/data');
		await page.getByRole('button', { name: 'first', exact: true }).click();
		const dialog = page.getByRole('dialog', { name: 'Key' });
		await dialog.getByText('This needs the role editor').waitFor();
		expect(await dialog.getByLabel('Value').getAttribute('readonly')).not.toBeNull();
		expect(await dialog.getByRole('button', { name: 'Save' }).count()).toBe(0);
		expect(await barriers(page)).toEqual([]);
		expect(hers.faults).toEqual([]);
	} finally {
		await hers.close();
	}
});

test('a user of the app is made, changed, signed out and deleted with the keyboard alone', async () => {
	const { page } = cloud;
	const { keyboard } = page;
	await page.goto('/admin/apps/shop/data/users');
	await page.getByText('No user yet').waitFor();
	await tabTo(page, /^New user/);
	await keyboard.press('Enter');
	const made = await dialogOf(page, 'New user');
	await hasFocus(page, made.getByLabel('Name'));
	await keyboard.type('Joan');
	await tabTo(page, 'E-mail');
	await keyboard.type('joan@example.com');
	await tabTo(page, 'Password');
	await keyboard.type(PASSWORD);
	await keyboard.press('Enter');
	await made.waitFor({ state: 'detached' });
	const row = page.getByRole('row', { name: /Joan.*joan@example\.com/ });
	await row.waitFor();

	await choose(page, 'Actions for Joan', 'Edit…');
	const edited = await dialogOf(page, 'Joan');
	await tabTo(page, 'Data');
	await keyboard.press('Control+a');
	await keyboard.insertText('{"plan": "free"}');
	await tabTo(page, 'Save user');
	await keyboard.press('Enter');
	await edited.waitFor({ state: 'detached' });
	const { items } = await call<{ items: { data: unknown }[] }>(page, 'GET', '/apps/shop/users');
	expect(items.map(({ data }) => data)).toEqual([{ plan: 'free' }]);

	await choose(page, 'Actions for Joan', 'Deactivate');
	await page.getByRole('row', { name: /^Joan inactive/ }).waitFor();
	await choose(page, 'Actions for Joan', 'Sign out everywhere…');
	await dialogOf(page, 'Sign Joan out everywhere?');
	await tabTo(page, 'Sign out');
	await keyboard.press('Enter');
	await page.getByText('Joan is signed out everywhere').first().waitFor();
	await choose(page, 'Actions for Joan', 'Delete…');
	await dialogOf(page, 'Delete Joan?');
	await tabTo(page, 'Delete user');
	await keyboard.press('Enter');
	await row.waitFor({ state: 'detached' });
});

test('a collection is declared, and documents made, found, changed and deleted with the keyboard alone', async () => {
	const { page } = cloud;
	const { keyboard } = page;
	await page.goto('/admin/apps/shop/data/collections');
	await page.getByText('No collection yet').waitFor();
	await tabTo(page, /^New collection/);
	await keyboard.press('Enter');
	const declared = await dialogOf(page, 'New collection');
	await hasFocus(page, declared.getByLabel('Name'));
	await keyboard.type('notes');
	await tabTo(page, 'Indexes');
	await keyboard.insertText('day\nslug unique');
	await tabTo(page, 'Create collection');
	await keyboard.press('Enter');
	await declared.waitFor({ state: 'detached' });
	await tabTo(page, 'notes');
	await keyboard.press('Enter');
	await page.getByText('No document yet').waitFor();
	await page.getByText('slug, unique').waitFor();

	for (const [slug, price] of [
		['milk', '1.0'],
		['bread', '2.50']
	] as const) {
		await tabTo(page, /^New document/);
		await keyboard.press('Enter');
		const made = await dialogOf(page, 'New document');
		await hasFocus(page, made.getByLabel('Document', { exact: true }));
		await keyboard.press('Control+a');
		await keyboard.insertText(`{"slug": "${slug}", "price": ${price}}`);
		await tabTo(page, 'Create document');
		await keyboard.press('Enter');
		await made.waitFor({ state: 'detached' });
		await page.getByRole('row', { name: new RegExp(slug) }).waitFor();
	}

	// What is unique is so here, too, and the reason is told.
	await tabTo(page, /^New document/);
	await keyboard.press('Enter');
	const refused = await dialogOf(page, 'New document');
	await hasFocus(page, refused.getByLabel('Document', { exact: true }));
	await keyboard.press('Control+a');
	await keyboard.insertText('{"slug": "milk"}');
	await tabTo(page, 'Create document');
	await keyboard.press('Enter');
	await refused.getByRole('alert').waitFor();
	await keyboard.press('Escape');
	await refused.waitFor({ state: 'detached' });

	await tabTo(page, 'Filter');
	await keyboard.insertText('{"slug": "milk"}');
	await keyboard.press('Enter');
	await page.waitForURL(/filter=/);
	await page.getByRole('row', { name: /bread/ }).waitFor({ state: 'detached' });
	await tabTo(page, /^\{.*"slug":"milk"/);
	await keyboard.press('Enter');
	const changed = await dialogOf(page, 'Document');
	const field = changed.getByLabel('Document', { exact: true });
	await hasFocus(page, field);
	expect(await field.inputValue()).toMatch(/"price": 1\.0/);
	await keyboard.press('Control+a');
	await keyboard.insertText('{"slug": "milk", "price": 3.0}');
	await tabTo(page, 'Save document');
	await keyboard.press('Enter');
	await changed.waitFor({ state: 'detached' });
	await page.getByRole('row', { name: /"price":3\.0/ }).waitFor();

	await tabTo(page, /^Delete [^.…]+$/);
	await keyboard.press('Enter');
	await dialogOf(page, 'Delete this document?');
	await tabTo(page, 'Delete document');
	await keyboard.press('Enter');
	await page.getByText('No document is like that').waitFor();
});

test('a collection with documents is changed, and what stands against it is named', async () => {
	const { page } = cloud;
	const { keyboard } = page;
	const documents = '/apps/shop/collections/notes/documents';
	for (const [id, slug] of [['a', 'tea'], ['b', 'jam'], ['c', 'jam too']]) await call(page, 'POST', documents, { id, document: { slug, kind: 'food' } });
	await page.goto('/admin/apps/shop/data/collections/notes');
	await page.getByRole('row', { name: /jam too/ }).waitFor();
	await tabTo(page, /^Change…/);
	await keyboard.press('Enter');
	const form = await dialogOf(page, 'Change notes');
	const indexes = form.getByLabel('Indexes');
	expect(await indexes.inputValue()).toBe('day\nslug unique');
	await tabTo(page, 'Indexes');
	await keyboard.press('Control+a');
	await keyboard.insertText('slug unique\nkind unique');
	await tabTo(page, 'Change collection');
	await keyboard.press('Enter');
	await form.getByRole('alert').getByText(/have the same value at `kind`/).waitFor();
	await indexes.fill('slug unique\nkind');
	await form.getByLabel('JSON Schema').fill('{"properties": {"slug": {"maxLength": 4}}}');
	await form.getByRole('button', { name: 'Change collection' }).click();
	await form.getByText(/the document `c` is not like this/).waitFor();
	await form.getByLabel(/may stay/).check();
	await form.getByRole('button', { name: 'Change collection' }).click();
	await form.waitFor({ state: 'detached' });
	await page.getByText('kind', { exact: true }).first().waitFor();
	await page.getByText('JSON Schema').first().waitFor();
	expect(await page.getByText('day', { exact: true }).count()).toBe(0);
	expect(await barriers(page)).toEqual([]);
});

test('documents and users are taken out as files and in from them', async () => {
	const { page } = cloud;
	await page.goto('/admin/apps/shop/data/collections/notes');
	await page.getByRole('button', { name: 'Import and export' }).click();
	const documents = page.getByRole('dialog', { name: 'Import and export documents' });
	const [file] = await Promise.all([page.waitForEvent('download'), documents.getByRole('link', { name: 'Export as CSV' }).click()]);
	const lines = readFileSync(await file.path(), 'utf8').trim().split('\n');
	expect(lines[0]).toMatch(/^_id,.*slug.*,_more$/);
	const send = async (dialog: typeof documents, name: string, text: string) => {
		await dialog.getByLabel('File').setInputFiles({ name, mimeType: 'text/plain', buffer: Buffer.from(text) });
		await dialog.getByRole('button', { name: 'Import', exact: true }).click();
	};
	await send(documents, 'notes.csv', '_id,slug\na,nut\n');
	await documents.getByRole('alert').getByText(/Line 2: the collection has a document `a` already/).waitFor();
	await documents.getByLabel(/Overwrite those/).check();
	await documents.getByRole('button', { name: 'Import', exact: true }).click();
	await documents.getByText('Imported: 1 written').waitFor();
	await documents.getByRole('button', { name: 'Done' }).click();
	await page.getByRole('row', { name: /nut/ }).waitFor();

	await page.goto('/admin/apps/shop/data/users');
	await page.getByRole('button', { name: 'Import and export' }).click();
	const users = page.getByRole('dialog', { name: 'Import and export users' });
	await send(users, 'users.ndjson', '{"name": "Rosalind", "email": "rosalind@example.com"}\n');
	await users.getByText('Imported: 1 written').waitFor();
	const [out] = await Promise.all([page.waitForEvent('download'), users.getByRole('link', { name: 'Export as JSON' }).click()]);
	const text = readFileSync(await out.path(), 'utf8');
	expect(text).toContain('Rosalind');
	expect(text).not.toMatch(/password|argon/);
	await users.getByRole('button', { name: 'Done' }).click();
	await page.getByRole('row', { name: /Rosalind/ }).waitFor();
	expect(await barriers(page)).toEqual([]);
});

test('nothing went wrong in the pages', () => {
	expect(cloud.faults).toEqual([]);
});
