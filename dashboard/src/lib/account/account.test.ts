// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen } from '@testing-library/svelte';
import { afterEach, expect, test, vi } from 'vitest';
import Enrol from './Enrol.svelte';
import NewToken from './NewToken.svelte';

afterEach(() => {
	cleanup();
	vi.unstubAllGlobals();
});

/** Waits for what is on its way, on however busy a machine. */
const eventually = (check: () => void) => vi.waitFor(check, { timeout: 30_000 });
const json = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } });
const nothing = () => undefined;

test('a token is limited as it was asked for, and its text is shown', async () => {
	let sent: Record<string, unknown> = {};
	vi.stubGlobal('fetch', async (request: Request) => {
		sent = (await request.json()) as Record<string, unknown>;
		return json({ id: 't', name: 'laptop', token: 'pct_secret', hint: 'cret', app_id: 'a', role: 'editor', created_at: '', expires_at: null, last_used_at: null }, 201);
	});
	render(NewToken, { apps: [{ id: 'a', name: 'Shop' }], onclose: nothing, onmade: nothing });
	await fireEvent.input(screen.getByLabelText('Name'), { target: { value: 'laptop' } });
	await fireEvent.change(screen.getByLabelText('App'), { target: { value: 'a' } });
	await fireEvent.change(screen.getByLabelText('Highest role'), { target: { value: 'editor' } });
	await fireEvent.click(screen.getByRole('button', { name: 'Create token' }));
	await eventually(() => expect(screen.getByText('pct_secret')).toBeTruthy());
	expect(sent).toMatchObject({ name: 'laptop', app: 'a', role: 'editor' });
	expect(new Date(String(sent.expires_at)).getTime()).toBeGreaterThan(Date.now());
});

test('a key that nobody confirmed in time is told, and begun anew', async () => {
	vi.stubGlobal('fetch', async (request: Request) => {
		if (request.url.endsWith('/totp')) return json({ secret: 'GEZDGNBVGY3TQOJQ', uri: 'otpauth://totp/PiCloud:ada?secret=GEZDGNBVGY3TQOJQ' }, 201);
		return json({ code: 'not_found', detail: 'x' }, 404);
	});
	render(Enrol, { username: 'ada', onclose: nothing, onenabled: nothing });
	await fireEvent.input(screen.getByLabelText('Password'), { target: { value: 'mine' } });
	await fireEvent.click(screen.getByRole('button', { name: 'Go on' }));
	await eventually(() => expect(screen.getByRole('img', { name: /QR code/ })).toBeTruthy());
	await fireEvent.input(screen.getByLabelText('Code'), { target: { value: '123456' } });
	await fireEvent.click(screen.getByRole('button', { name: 'Turn on' }));
	await eventually(() => expect(screen.getByRole('status').textContent).toContain('has ended'));
	expect(screen.getByLabelText('Password')).toBeTruthy();
});

test('a second factor goes from the password over a code to the recovery codes', async () => {
	const asked: string[] = [];
	vi.stubGlobal('fetch', async (request: Request) => {
		asked.push(`${new URL(request.url).pathname} ${await request.text()}`);
		if (asked.length === 1) return json({ code: 'validation_failed', detail: 'x', errors: [{ field: 'password', message: 'is wrong' }] }, 422);
		if (asked.length === 2) return json({ secret: 'GEZDGNBVGY3TQOJQ', uri: 'otpauth://totp/PiCloud:ada?secret=GEZDGNBVGY3TQOJQ' }, 201);
		return json({ recovery_codes: ['ABCD-EFGH', 'JKMN-PQRS'] });
	});
	const onenabled = vi.fn();
	render(Enrol, { username: 'ada', onclose: nothing, onenabled });
	await fireEvent.input(screen.getByLabelText('Password'), { target: { value: 'not mine' } });
	await fireEvent.click(screen.getByRole('button', { name: 'Go on' }));
	await eventually(() => expect(screen.getByRole('alert').textContent).toContain('Is wrong.'));
	await fireEvent.input(screen.getByLabelText('Password'), { target: { value: 'mine' } });
	await fireEvent.click(screen.getByRole('button', { name: 'Go on' }));
	await eventually(() => expect(screen.getByText('GEZD GNBV GY3T QOJQ')).toBeTruthy());
	await eventually(() => expect(screen.getByRole('img', { name: /QR code/ })).toBeTruthy());
	await fireEvent.input(screen.getByLabelText('Code'), { target: { value: '123 456' } });
	await fireEvent.click(screen.getByRole('button', { name: 'Turn on' }));
	await eventually(() => expect(screen.getAllByRole('listitem').map((item) => item.textContent)).toEqual(['ABCD-EFGH', 'JKMN-PQRS']));
	expect(asked[2]).toBe('/api/v1/admin/auth/totp:confirm {"code":"123456"}');
	expect(onenabled).toHaveBeenCalledOnce();
});
