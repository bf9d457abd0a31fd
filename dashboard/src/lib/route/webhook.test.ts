import { expect, test } from 'vitest';
import { draftOf, hasMoment, webhookOf } from './webhook';

test('without a preset there is no webhook', () => {
	expect(webhookOf(draftOf(null))).toBeNull();
	expect(webhookOf({ ...draftOf(undefined), secret: 'KEY' })).toBeNull();
});

test('what the server told is sent back', () => {
	const github = { preset: 'github', secret: 'KEY', tolerance_s: 300, respond: 'run' };
	expect(webhookOf(draftOf(github))).toEqual(github);
	const hmac = { header: 'x-mac', prefix: 'v=', algorithm: 'sha1', encoding: 'base64', timestamp_header: 'x-time', id_header: null };
	const other = { preset: 'hmac', secret: 'KEY', tolerance_s: 60, respond: 'accept', hmac };
	expect(webhookOf(draftOf(other))).toEqual(other);
});

test('only another HMAC says where its signature stands', () => {
	const draft = { ...draftOf(null), preset: 'slack' as const, secret: ' KEY ', header: 'x-mac' };
	expect(webhookOf(draft)).toEqual({ preset: 'slack', secret: 'KEY', tolerance_s: 300, respond: 'run' });
	const hmac = { ...draft, preset: 'hmac' as const, header: ' X-Mac ' };
	expect(webhookOf(hmac)?.hmac).toEqual({ header: 'X-Mac', prefix: '', algorithm: 'sha256', encoding: 'hex', timestamp_header: null, id_header: null });
});

test('a tolerance is asked for where a moment is signed', () => {
	const draft = draftOf(null);
	expect(hasMoment(draft)).toBe(false);
	expect(hasMoment({ ...draft, preset: 'github' })).toBe(false);
	expect(hasMoment({ ...draft, preset: 'standard' })).toBe(true);
	expect(hasMoment({ ...draft, preset: 'hmac' })).toBe(false);
	expect(hasMoment({ ...draft, preset: 'hmac', timestampHeader: 'x-time' })).toBe(true);
});
