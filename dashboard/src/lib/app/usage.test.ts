// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen } from '@testing-library/svelte';
import { afterEach, expect, test, vi } from 'vitest';
import type { Schemas } from '$lib/api/client';
import Calls from './Calls.svelte';
import Quotas from './Quotas.svelte';
import Usage from './Usage.svelte';

afterEach(() => {
	cleanup();
	vi.unstubAllGlobals();
});

const app = { id: 'a1', slug: 'shop', name: 'Shop' } as Schemas['App'];
const day = (date: string, calls: number): Schemas['CallDay'] => ({
	day: date,
	calls,
	bytes_read: 1_240_000,
	bytes_written: 0,
	services: [{ service: 'kv', calls, bytes_read: 1_240_000, bytes_written: 0, duration_us: 1 }]
});
const usage = (bytes: number, most: number | null = null): Schemas['AppUsage'] => ({
	kv: { bytes, rows: 1 },
	docs: { bytes: 0, rows: 0 },
	calls: { today: day('2026-11-29', 1_200), days: [day('2026-11-29', 1_200), day('2026-11-28', 70)] },
	quotas: { data_bytes_max: 2_000_000, data_rows_max: 10, calls_per_day_max: most }
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

test('calls are told by service and by day', () => {
	render(Calls, { usage: usage(0) });
	expect(screen.queryByRole('meter')).toBeNull();
	const cells = (table: string) => [...screen.getByLabelText(table).querySelectorAll('td')].map((cell) => cell.textContent);
	expect(cells('Calls today, by service')).toEqual(['kv', '1,200', '1.24 MB', '0 B']);
	expect(cells('Calls on the days before')).toEqual(['2026-11-28', '70', '1.24 MB', '0 B']);
});

test('an app that has called as often as it may is told so', () => {
	render(Calls, { usage: usage(0, 1_000) });
	expect(screen.getByRole('meter', { name: 'Today' }).getAttribute('aria-valuetext')).toBe('1,200 of 1,000');
	expect(document.body.textContent).toContain('get an error until the day ends');
});

test('an admin of the instance sets quotas, and an empty field is the default', async () => {
	const sent: unknown[] = [];
	vi.stubGlobal('fetch', async (request: Request) => {
		sent.push(await request.json());
		return Response.json({ data_bytes_max: 1_073_741_824, data_rows_max: 20, calls_per_day_max: 500 });
	});
	const onchanged = vi.fn();
	render(Quotas, { app, usage: usage(0), mine: 'admin', onchanged });
	await fireEvent.input(screen.getByLabelText('Most data, in MB'), { target: { value: '' } });
	await fireEvent.input(screen.getByLabelText('Most keys and documents'), { target: { value: '20' } });
	await fireEvent.input(screen.getByLabelText('Most calls of services a day'), { target: { value: '500' } });
	await fireEvent.click(screen.getByRole('button', { name: 'Save quotas' }));
	await vi.waitFor(() => expect(onchanged).toHaveBeenCalled(), { timeout: 30_000 });
	expect(sent).toEqual([{ data_bytes_max: null, data_rows_max: 20, calls_per_day_max: 500 }]);
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
