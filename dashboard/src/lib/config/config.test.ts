// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen } from '@testing-library/svelte';
import { afterEach, expect, test, vi } from 'vitest';
import type { Schemas } from '$lib/api/client';
import Brokers from './Brokers.svelte';
import Egress from './Egress.svelte';
import Secrets from './Secrets.svelte';
import SmtpTest from './SmtpTest.svelte';
import Values from './Values.svelte';

afterEach(() => {
	cleanup();
	vi.unstubAllGlobals();
});

const as = (my_role: string) => ({ id: 'a1', slug: 'shop', name: 'Shop', my_role }) as Schemas['App'];
/** Waits for what is on its way, on however busy a machine. */
const PATIENCE = { timeout: 30_000 };

/** Answers every request with `body`, and keeps those that change something. */
function serve(body: unknown) {
	const asked: { method: string; path: string; body: string }[] = [];
	vi.stubGlobal('fetch', async (request: Request) => {
		asked.push({ method: request.method, path: new URL(request.url).pathname, body: await request.clone().text() });
		return new Response(JSON.stringify(body), { headers: { 'content-type': 'application/json' } });
	});
	return asked;
}

test('a viewer is told who sees secrets, and the server is not asked for them', async () => {
	const asked = serve({ items: [] });
	render(Secrets, { app: as('viewer') });
	expect(document.body.textContent).toContain('Secrets are for editors and app admins');
	expect(asked).toEqual([]);
});

test('an editor sees the names of secrets and may set none', async () => {
	serve({ items: [{ name: 'MAIL_KEY', updated_at: '2026-03-01T12:00:00Z', updated_by: 'ada' }] });
	render(Secrets, { app: as('editor') });
	const button = await screen.findByRole('button', { name: 'Replace MAIL_KEY' }, PATIENCE);
	expect(button.title).toContain('app admin');
	await fireEvent.click(button);
	expect(screen.queryByRole('dialog')).toBeNull();
});

test('what is on the list is sent line by line, and no list allows every public address', async () => {
	const asked = serve({ allow: ['api.example.com'], updated_at: null });
	render(Egress, { app: as('app_admin'), managing: true });
	const field = await screen.findByLabelText<HTMLTextAreaElement>('Allowed', { selector: 'textarea' }, PATIENCE);
	expect(field.value).toBe('api.example.com');
	await fireEvent.input(field, { target: { value: ' api.example.com\n\n*.example.org:443 ' } });
	const save = screen.getByRole('button', { name: 'Save list' });
	await fireEvent.click(save);
	await vi.waitFor(() => expect(asked.filter(({ method }) => method === 'PUT').map(({ body }) => body)).toEqual(['{"allow":["api.example.com","*.example.org:443"]}']), PATIENCE);
	await vi.waitFor(() => expect(save.getAttribute('aria-busy')).toBeNull(), PATIENCE);
	await fireEvent.click(screen.getByLabelText('Every public address'));
	await fireEvent.click(save);
	await vi.waitFor(() => expect(asked.at(-1)?.body).toBe('{"allow":null}'), PATIENCE);
});

test('values are shown as they are, and a viewer changes none', async () => {
	serve({ items: [{ name: 'greeting', value: '<b>Hello</b>', updated_at: '2026-03-01T12:00:00Z' }] });
	render(Values, { app: as('viewer') });
	await screen.findByText('"<b>Hello</b>"', {}, PATIENCE);
	expect(screen.getByRole('button', { name: 'New value…' }).title).toContain('editor');
});

test.each([
	[{ sent: true, kind: null, answer: '250 queued as <1>' }, 'The mail server has taken it: 250 queued as <1>'],
	[{ sent: false, kind: 'recipient', answer: 'the mail server does not take e-mail for `x@example.com`' }, 'Not sent: the mail server does not take']
])('what the mail server says to a test message is shown', async (answered, expected) => {
	const asked = serve(answered);
	render(SmtpTest, { app: as('app_admin') });
	await fireEvent.input(screen.getByLabelText('Test message to'), { target: { value: ' ada@example.com ' } });
	await fireEvent.click(screen.getByRole('button', { name: 'Send a test message' }));
	await vi.waitFor(() => expect(screen.getByRole('status').textContent).toContain(expected), PATIENCE);
	expect(asked).toEqual([{ method: 'POST', path: '/api/v1/admin/apps/a1/smtp:test', body: '{"to":"ada@example.com"}' }]);
});

test('who may not set the mail server sends no test message', async () => {
	const asked = serve({});
	render(SmtpTest, { app: as('viewer'), refused: 'an app admin does' });
	await fireEvent.click(screen.getByRole('button', { name: 'Send a test message' }));
	expect(asked).toEqual([]);
});

test('what becomes events, and what went wrong with a connection, is told', async () => {
	const state = { status: 'connecting', since: '2026-03-01T12:00:00Z', error: 'no connection to the broker: connection refused', error_at: '2026-03-01T12:00:00Z', refused: 0, refusal: null };
	const filters = [
		{ filter: 'sensors/+/temp', qos: 1 },
		{ filter: 'lamp/#', qos: 0 }
	];
	serve({ items: [{ name: 'home', url: 'mqtt://broker', version: '5', client_id: 'a', username: null, keep_alive_s: 60, filters, is_paused: false, state, waiting: 3, updated_at: state.since, updated_by: 'ada' }] });
	render(Brokers, { app: as('viewer') });
	const row = (await screen.findByText('home', undefined, PATIENCE)).closest('tr');
	for (const words of ['sensors/+/temp, lamp/#', 'connecting', 'connection refused', '3 to send']) expect(row?.textContent).toContain(words);
	expect(screen.getByRole('button', { name: 'New broker…' }).getAttribute('aria-disabled')).toBe('true');
});

test('who deletes a value is asked first, and the list is looked at again', async () => {
	const asked = serve({ items: [{ name: 'greeting', value: 'Hello', updated_at: '2026-03-01T12:00:00Z' }] });
	render(Values, { app: as('editor') });
	await fireEvent.click(await screen.findByRole('button', { name: 'Delete greeting' }, PATIENCE));
	const deletes = () => asked.filter(({ method }) => method === 'DELETE').map(({ path }) => path);
	expect(deletes()).toEqual([]);
	await fireEvent.click(await screen.findByRole('button', { name: 'Delete value' }, PATIENCE));
	await vi.waitFor(() => expect(deletes()).toEqual(['/api/v1/admin/apps/a1/config/greeting']), PATIENCE);
	await vi.waitFor(() => expect(asked.at(-1)?.method).toBe('GET'), PATIENCE);
});
