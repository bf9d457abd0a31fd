// @vitest-environment jsdom
import { cleanup, render, screen } from '@testing-library/svelte';
import { afterEach, expect, test } from 'vitest';
import type { Schemas } from '$lib/api/client';
import RecordDialog from './RecordDialog.svelte';
import Verify from './Verify.svelte';

afterEach(cleanup);

const record = {
	id: 'r',
	chain: 'changes',
	sequence: 12,
	at: '2026-03-01T12:00:00Z',
	outcome: 'allowed',
	action: 'update_app',
	actor: { id: 'u', username: 'ada', via: 'session', credential_id: 's' },
	address: null,
	app_id: null,
	target: { kind: 'app', id: 'a', name: 'shop' },
	before: { name: 'Shop', slug: 'shop' },
	after: { name: '<b id="markup">Shop</b>', slug: 'shop' },
	note: null,
	reason: null,
	attempts: 1,
	request_id: '01a2',
	hash: 'ff'
} as unknown as Schemas['AuditRecord'];

test('a record shows what changed and not what stayed, and markup in it is text', () => {
	render(RecordDialog, { record, onclose: () => undefined });
	const items = screen.getAllByRole('listitem');
	expect(items.map((item) => item.textContent)).toEqual(['name before:Shop after:<b id="markup">Shop</b>']);
	expect(document.querySelector('#markup')).toBeNull();
	expect(screen.getByRole('button', { name: 'Copy request' })).toBeTruthy();
});

test('a refusal says why, and for how many attempts it stands', () => {
	render(RecordDialog, { record: { ...record, outcome: 'denied', reason: 'forbidden', attempts: 16, before: null, after: null }, onclose: () => undefined });
	const text = screen.getByRole('dialog').textContent;
	expect(text).toContain('forbidden');
	expect(text).toContain('stands for 16 attempts');
});

test('a log that is not as it was written says where', () => {
	const heads = [{ chain: 'changes', sequence: 40, hash: 'ff' }, { chain: 'denials', sequence: 0, hash: '00' }];
	render(Verify, { verdict: { valid: false, records: 40, heads, first_bad: { chain: 'changes', sequence: 7, fault: 'altered' } } });
	const text = screen.getByRole('status', { name: 'Result of verifying' }).textContent;
	expect(text).toContain('The log is not as it was written.');
	expect(text).toContain('Record 7 of changes was altered.');
	expect(text).toContain('none yet');
});

test('a record that somebody altered says so', () => {
	render(RecordDialog, { record: { ...record, outcome: 'unreadable', before: null, after: null }, onclose: () => undefined });
	expect(screen.getByRole('dialog').textContent).toContain('Somebody altered this record');
});
