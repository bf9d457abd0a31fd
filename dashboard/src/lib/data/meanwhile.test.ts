// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen } from '@testing-library/svelte';
import { afterEach, expect, test, vi } from 'vitest';
import type { Schemas } from '$lib/api/client';
import DocumentDialog from './DocumentDialog.svelte';
import EndUserForm from './EndUserForm.svelte';
import KvEntry from './KvEntry.svelte';
import { onlyIf } from './meanwhile';

// What they differ in is drawn by an editor, which needs a browser; without it the newer one stands there as a text.
vi.mock('$lib/editor/Diff.svelte', () => {
	throw new Error('there is no browser');
});

afterEach(() => {
	cleanup();
	vi.unstubAllGlobals();
});

const app = { id: 'a1', slug: 'shop', name: 'Shop' } as Schemas['App'];
const nothing = () => {};
/** Waits for what is on its way, on however busy a machine. */
const PATIENCE = { timeout: 30_000 };

/** A server that keeps one thing, and changes it only as it was seen. */
function serverWith(first: { version: string } | undefined) {
	const server = { thing: first, sent: [] as string[] };
	vi.stubGlobal('fetch', async (request: Request) => {
		const answer = (status: number, body: object) => new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } });
		if (request.method === 'GET') return server.thing ? answer(200, server.thing) : answer(404, { code: 'not_found', detail: 'There is no such thing.' });
		const seen = request.headers.get('if-match');
		const matches = request.headers.get('if-none-match') === '*' ? !server.thing : seen === `"${server.thing?.version}"`;
		server.sent.push(`${request.method} ${seen ?? request.headers.get('if-none-match')} ${await request.text()}`);
		return matches ? answer(200, server.thing ?? {}) : answer(412, { code: 'version_mismatch', detail: 'It was changed.' });
	});
	return server;
}

const key = (value: unknown, version: string) => ({ key: 'n', type: 'json', value, bytes: 1, version, truncated: false, expires_at: null }) as Schemas['KvItem'];
const document = (value: Record<string, never>, version: string) =>
	({ id: 'ada', document: value, version, created_at: '2026-01-01T00:00:00.000Z', updated_at: '2026-01-01T00:00:00.000Z' }) as Schemas['Document'];
const user = (data: unknown, version: string) => ({ id: 'u1', name: 'Ada', email: null, data, is_active: true, version }) as Schemas['EndUser'];

/** Types into the field, and saves. */
async function save(label: string, text: string, button: string) {
	const field = await screen.findByLabelText<HTMLTextAreaElement>(label, { selector: 'textarea' }, PATIENCE);
	await fireEvent.input(field, { target: { value: text } });
	await fireEvent.click(screen.getByRole('button', { name: button }));
	return field;
}

test('a key that a script changed meanwhile is shown, and overwritten by choice alone', async () => {
	const server = serverWith(key(1, 'v1'));
	const onsaved = vi.fn();
	render(KvEntry, { app, entry: key(1, 'v1'), onclose: nothing, onsaved });
	await screen.findByLabelText('Value', {}, PATIENCE);
	server.thing = key(22, 'v2');
	const field = await save('Value', '3', 'Save');
	await screen.findByText(/changed in the meantime/, {}, PATIENCE);
	await screen.findByText(/22\s+expires: never/, {}, PATIENCE);
	expect(field.value).toBe('3');
	expect(onsaved).not.toHaveBeenCalled();
	await fireEvent.click(screen.getByRole('button', { name: 'Overwrite it' }));
	await vi.waitFor(() => expect(onsaved).toHaveBeenCalled(), PATIENCE);
	expect(server.sent).toEqual(['PUT "v1" {"value":3}', 'PUT "v2" {"value":3}']);
});

test('what is there is loaded, and saved as it was loaded', async () => {
	const server = serverWith(key(1, 'v1'));
	const onsaved = vi.fn();
	render(KvEntry, { app, entry: key(1, 'v1'), onclose: nothing, onsaved });
	await screen.findByLabelText('Value', {}, PATIENCE);
	server.thing = key(22, 'v2');
	const field = await save('Value', '3', 'Save');
	await fireEvent.click(await screen.findByRole('button', { name: 'Load what is there' }, PATIENCE));
	expect(field.value).toBe('22');
	expect(screen.queryByText(/changed in the meantime/)).toBeNull();
	await save('Value', '23', 'Save');
	await vi.waitFor(() => expect(onsaved).toHaveBeenCalled(), PATIENCE);
	expect(server.sent.at(-1)).toBe('PUT "v2" {"value":23}');
});

test('a key that was deleted meanwhile is made again by choice alone', async () => {
	const server = serverWith(key(1, 'v1'));
	const onsaved = vi.fn();
	render(KvEntry, { app, entry: key(1, 'v1'), onclose: nothing, onsaved });
	await screen.findByLabelText('Value', {}, PATIENCE);
	server.thing = undefined;
	await save('Value', '3', 'Save');
	await fireEvent.click(await screen.findByRole('button', { name: 'Write it again' }, PATIENCE));
	await vi.waitFor(() => expect(onsaved).toHaveBeenCalled(), PATIENCE);
	expect(server.sent).toEqual(['PUT "v1" {"value":3}', 'PUT * {"value":3}']);
});

test('a new key takes the place of none that is there', async () => {
	const server = serverWith(key(1, 'v1'));
	render(KvEntry, { app, onclose: nothing, onsaved: nothing });
	await fireEvent.input(screen.getByLabelText('Key'), { target: { value: 'n' } });
	await save('Value', '3', 'Create key');
	await screen.findByText(/There is one already/, {}, PATIENCE);
	expect(server.sent).toEqual(['PUT * {"value":3}']);
	await fireEvent.input(screen.getByLabelText('Key'), { target: { value: 'm' } });
	expect(screen.queryByText(/There is one already/)).toBeNull();
});

test('a document that was changed meanwhile is overwritten by choice alone', async () => {
	const server = serverWith(document({}, '2'));
	const onsaved = vi.fn();
	render(DocumentDialog, { app, collection: 'notes', document: document({}, '1'), onclose: nothing, onsaved });
	const field = await save('Document', '{"a":1}', 'Save document');
	await screen.findByText(/changed in the meantime/, {}, PATIENCE);
	expect(field.value).toBe('{"a":1}');
	await fireEvent.click(screen.getByRole('button', { name: 'Overwrite it' }));
	await vi.waitFor(() => expect(onsaved).toHaveBeenCalled(), PATIENCE);
	expect(server.sent).toEqual(['PUT "1" {"document":{"a":1}}', 'PUT "2" {"document":{"a":1}}']);
});

test('what a script keeps with a user meanwhile is not lost', async () => {
	const server = serverWith(user({ plan: 'paid' }, '2'));
	const onsaved = vi.fn();
	render(EndUserForm, { app, user: user({}, '1'), onclose: nothing, onsaved });
	const field = await save('Data', '{"plan":"free"}', 'Save user');
	await screen.findByText(/changed in the meantime/, {}, PATIENCE);
	expect(field.value).toBe('{"plan":"free"}');
	await fireEvent.click(screen.getByRole('button', { name: 'Load what is there' }));
	expect(JSON.parse(field.value)).toEqual({ plan: 'paid' });
	await save('Data', '{"plan":"free"}', 'Save user');
	await vi.waitFor(() => expect(onsaved).toHaveBeenCalled(), PATIENCE);
	expect(server.sent.map((one) => one.slice(0, 9))).toEqual(['PATCH "1"', 'PATCH "2"']);
});

test('that somebody may not sign in any more is shown, and what is not shown is told', async () => {
	const inactive: Schemas['EndUser'] = { ...user({}, '2'), is_active: false };
	const server = serverWith(inactive);
	render(EndUserForm, { app, user: user({}, '1'), onclose: nothing, onsaved: nothing });
	await save('Data', '{}', 'Save user');
	await screen.findByText(/"is_active": false/, {}, PATIENCE);
	server.thing = user({}, '3');
	await fireEvent.click(screen.getByRole('button', { name: 'Save user' }));
	await screen.findByText(/What differs is not shown here: the password/, {}, PATIENCE);
});

test('what is written on is what is compared', async () => {
	serverWith(document({}, '2'));
	render(DocumentDialog, { app, collection: 'notes', document: document({}, '1'), onclose: nothing, onsaved: nothing });
	const field = await save('Document', '{"a":1}', 'Save document');
	await screen.findByText(/green is what you have/, {}, PATIENCE);
	await fireEvent.input(field, { target: { value: '{}' } });
	await screen.findByText(/Both are the same/, {}, PATIENCE);
	expect(screen.queryByText(/green is what you have/)).toBeNull();
});

test('a condition is what was seen, or that there is nothing', () => {
	expect(onlyIf('v1')).toEqual({ 'If-Match': '"v1"' });
	expect(onlyIf(undefined)).toEqual({ 'If-None-Match': '*' });
});
