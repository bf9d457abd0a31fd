// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen } from '@testing-library/svelte';
import { afterEach, expect, test, vi } from 'vitest';
import type { Answered, Schemas } from '$lib/api/client';
import KvEntry from './KvEntry.svelte';
import Transfer from './Transfer.svelte';

afterEach(() => {
	cleanup();
	vi.unstubAllGlobals();
});

const app = { id: 'a1', slug: 'shop', name: 'Shop' } as Schemas['App'];
const nothing = () => {};
/** Waits for what is on its way, on however busy a machine. */
const PATIENCE = { timeout: 30_000 };

/** A server that knows one key, and keeps what it is sent. */
function serverWith(item: object) {
	const sent: { url: string; method: string; body: string }[] = [];
	vi.stubGlobal('fetch', async (request: Request) => {
		if (request.method !== 'GET') sent.push({ url: new URL(request.url).pathname, method: request.method, body: await request.text() });
		return new Response(JSON.stringify(item), { headers: { 'content-type': 'application/json' } });
	});
	return sent;
}

test('a new key is sent with its value and its time to live', async () => {
	const sent = serverWith({});
	const onsaved = vi.fn();
	render(KvEntry, { app, onclose: nothing, onsaved });
	await fireEvent.input(screen.getByLabelText('Key'), { target: { value: 'a/b c' } });
	await fireEvent.input(screen.getByLabelText('Value'), { target: { value: '{"n": 1}' } });
	await fireEvent.change(screen.getByLabelText('Expires'), { target: { value: 'in' } });
	await fireEvent.input(screen.getByLabelText('How many'), { target: { value: '2' } });
	await fireEvent.click(screen.getByRole('button', { name: 'Create key' }));
	await vi.waitFor(() => expect(onsaved).toHaveBeenCalled(), PATIENCE);
	expect(sent).toEqual([{ url: '/api/v1/admin/apps/a1/kv/a%2Fb%20c', method: 'PUT', body: '{"value":{"n":1},"ttl_seconds":7200}' }]);
});

test('what is no JSON is not sent', async () => {
	const sent = serverWith({});
	render(KvEntry, { app, onclose: nothing, onsaved: nothing });
	await fireEvent.input(screen.getByLabelText('Key'), { target: { value: 'k' } });
	await fireEvent.input(screen.getByLabelText('Value'), { target: { value: '{"n": ' } });
	await fireEvent.blur(screen.getByLabelText('Value'));
	await screen.findByRole('alert', {}, PATIENCE);
	await fireEvent.click(screen.getByRole('button', { name: 'Create key' }));
	expect(sent).toEqual([]);
});

test('whoever may not change a key sees it whole', async () => {
	const item = { key: 'k', type: 'json', value: { text: 'long' }, bytes: 20, version: 'v', truncated: false, expires_at: null };
	serverWith(item);
	render(KvEntry, { app, entry: { ...item, value: null, truncated: true } as Schemas['KvItem'], refused: 'This needs the role editor.', onclose: nothing, onsaved: nothing });
	const field = await screen.findByLabelText<HTMLTextAreaElement>('Value', {}, PATIENCE);
	expect(JSON.parse(field.value)).toEqual({ text: 'long' });
	expect(field.readOnly).toBe(true);
	expect(screen.queryByRole('button', { name: 'Save' })).toBeNull();
	expect(document.body.textContent).toContain('This needs the role editor.');
});

test('a blob is offered as a file, and keeps its bytes when its end changes', async () => {
	const item = { key: 'logo', type: 'blob', blob_base64: 'AAEC', bytes: 3, version: 'v', truncated: false, expires_at: null };
	const sent = serverWith(item);
	const onsaved = vi.fn();
	render(KvEntry, { app, entry: item as Schemas['KvItem'], onclose: nothing, onsaved });
	const link = await screen.findByRole<HTMLAnchorElement>('link', { name: 'Download 3 B' }, PATIENCE);
	expect(link.href).toContain('base64,AAEC');
	await fireEvent.click(screen.getByRole('button', { name: 'Save' }));
	await vi.waitFor(() => expect(onsaved).toHaveBeenCalled(), PATIENCE);
	expect(sent[0]?.body).toBe('{"blob_base64":"AAEC"}');
});

test('a file is sent in its form, and what came of it is told', async () => {
	const asked: string[] = [];
	const imported = async (format: string): Promise<Answered<object>> => {
		asked.push(format);
		return { data: { written: 1_200, skipped: 3 }, response: new Response() };
	};
	const ondone = vi.fn();
	render(Transfer, { title: 'Import and export keys', what: 'keys', exported: (format) => `/export?format=${format}`, imported, onclose: nothing, ondone });
	expect(screen.getByRole<HTMLAnchorElement>('link', { name: 'Export as CSV' }).getAttribute('href')).toBe('/export?format=csv');
	const file = new File(['key,type,value,expires_at\n'], 'keys.CSV', { type: 'text/csv' });
	await fireEvent.change(screen.getByLabelText('File'), { target: { files: [file] } });
	await fireEvent.submit(screen.getByRole('form', { name: 'Import' }));
	await vi.waitFor(() => expect(ondone).toHaveBeenCalled(), PATIENCE);
	expect(asked).toEqual(['csv']);
	expect(screen.getByRole('status').textContent).toContain('1,200 written, 3 skipped');
});
