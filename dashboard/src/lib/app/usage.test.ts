// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen } from '@testing-library/svelte';
import { afterEach, expect, test, vi } from 'vitest';
import type { Schemas } from '$lib/api/client';
import Quotas from './Quotas.svelte';
import Usage from './Usage.svelte';

afterEach(() => {
	cleanup();
	vi.unstubAllGlobals();
});

const app = { id: 'a1', slug: 'shop', name: 'Shop' } as Schemas['App'];
const usage = (bytes: number): Schemas['AppUsage'] => ({
	kv: { bytes, rows: 1 },
	docs: { bytes: 0, rows: 0 },
	quotas: { data_bytes_max: 2_000_000, data_rows_max: 10 }
});

test('what an app keeps is told beside what it may', () => {
	render(Usage, { usage: usage(1_240_000), at: '/admin/apps/shop' });
	const meter = screen.getByRole('meter', { name: 'Bytes' });
	expect(meter.getAttribute('aria-valuetext')).toBe('1.24 MB of 2.00 MB');
	expect(document.body.textContent).toContain('Keys and users: 1 with 1.24 MB. Documents: 0 with 0 B.');
	expect(document.body.textContent).not.toContain('get an error');
});

test('whose quota is used up is told what that means', () => {
	render(Usage, { usage: usage(2_000_000), at: '/admin/apps/shop' });
	expect(document.body.textContent).toContain('Scripts that write more get an error');
});

test('an admin of the instance sets quotas, and an empty field is the default', async () => {
	const sent: unknown[] = [];
	vi.stubGlobal('fetch', async (request: Request) => {
		sent.push(await request.json());
		return Response.json({ data_bytes_max: 1_073_741_824, data_rows_max: 20 });
	});
	const onchanged = vi.fn();
	render(Quotas, { app, usage: usage(0), mine: 'admin', onchanged });
	await fireEvent.input(screen.getByLabelText('Most data, in MB'), { target: { value: '' } });
	await fireEvent.input(screen.getByLabelText('Most keys and documents'), { target: { value: '20' } });
	await fireEvent.click(screen.getByRole('button', { name: 'Save quotas' }));
	await vi.waitFor(() => expect(onchanged).toHaveBeenCalled(), { timeout: 30_000 });
	expect(sent).toEqual([{ data_bytes_max: null, data_rows_max: 20 }]);
});

test('a member is told who sets quotas', async () => {
	const asked = vi.fn();
	vi.stubGlobal('fetch', asked);
	render(Quotas, { app, usage: usage(0), mine: 'member', onchanged: () => {} });
	const button = screen.getByRole('button', { name: 'Save quotas' });
	expect(button.title).toContain('owners and admins');
	await fireEvent.click(button);
	expect(asked).not.toHaveBeenCalled();
});
