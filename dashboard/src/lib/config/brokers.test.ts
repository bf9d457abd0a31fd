import { expect, test } from 'vitest';
import { body, form, tone, trouble } from './brokers';

const HOME = {
	name: 'home',
	url: 'mqtts://broker.example.com:8883',
	ca: '-----BEGIN CERTIFICATE-----\n',
	version: '3.1.1',
	client_id: 'pc123',
	username: 'shop',
	keep_alive_s: 30,
	filters: [
		{ filter: 'sensors/+/temp', qos: 1 },
		{ filter: 'chat/#', qos: 0 }
	],
	is_paused: false,
	state: { status: 'connected', since: '2026-03-01T12:00:00Z', error: null, error_at: null, refused: 0, refusal: null },
	waiting: 0,
	updated_at: '2026-03-01T12:00:00Z',
	updated_by: 'ada'
};

test('what is set is shown without a password, and sent back as it is', () => {
	const typed = form(HOME);
	expect(typed.password).toBe('');
	expect(typed.filters).toBe('sensors/+/temp\nchat/# qos 0');
	const { url, ca, version, client_id, username, keep_alive_s, filters, is_paused } = HOME;
	expect(body(typed, HOME)).toEqual({ url, ca, version, client_id, username, password: null, keep_alive_s, filters, is_paused });
});

test('what is empty is nobody, and left to the server', () => {
	const typed = { ...form(null), url: ' mqtt://broker ', filters: '\n a/b \n\n' };
	expect(body(typed, null)).toEqual({
		url: 'mqtt://broker',
		ca: null,
		version: '5',
		client_id: null,
		username: null,
		password: null,
		keep_alive_s: null,
		filters: [{ filter: 'a/b', qos: 1 }],
		is_paused: false
	});
});

test('what went wrong is told as long as it is not well', () => {
	const state = { ...HOME.state, error: 'the broker does not answer' };
	expect(trouble({ ...HOME, state })).toEqual([]);
	expect(trouble({ ...HOME, state: { ...state, status: 'connecting' } })).toEqual(['the broker does not answer']);
	const refused = { ...HOME.state, refused: 2, refusal: 'too large' };
	expect(trouble({ ...HOME, state: refused })).toEqual(['2 not taken; the last: too large']);
	expect(tone('connected')).toBe('ok');
	expect(tone('something new')).toBe('neutral');
});
