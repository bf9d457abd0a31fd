// @vitest-environment jsdom
import { cleanup, render, screen } from '@testing-library/svelte';
import { afterEach, expect, test } from 'vitest';
import type { Schemas } from '$lib/api/client';
import RunResult from './RunResult.svelte';

afterEach(cleanup);

const run: Schemas['TestRun'] = {
	response: null,
	services: [],
	logs: [],
	error: null,
	operations: 12,
	duration_us: 40,
	cpu_us: 30,
	memory_bytes_peak: 900,
	writes_discarded: 0
};

function shown(discarded: number): string {
	render(RunResult, { run: { ...run, writes_discarded: discarded }, onspot: () => undefined });
	return screen.getByRole('region', { name: 'Result' }).textContent;
}

test('a test run says that what it wrote did not take effect', () => {
	expect(shown(3)).toContain('3 keys, which did not take effect');
});

test('a run that wrote nothing says nothing of it', () => {
	expect(shown(0)).not.toContain('take effect');
});

test('a run tells what it used of the services', () => {
	const kv = { service: 'kv', calls: 12, bytes_read: 1_240, bytes_written: 0, duration_us: 310 };
	render(RunResult, { run: { ...run, services: [kv] }, onspot: () => {} });
	const row = screen.getByRole('row', { name: /^kv/ }).textContent;
	for (const part of ['12', '1.24 kB', '310 µs']) expect(row).toContain(part);
});
