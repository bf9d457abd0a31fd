import { expect, test } from 'vitest';
import { body, filtersFault, form, remarks, tone } from './brokers';

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
	expect(body(typed)).toEqual({ url, ca, version, client_id, username, password: null, keep_alive_s, filters, is_paused });
});

test('what is empty is nobody, and left to the server', () => {
	const typed = { ...form(), url: ' mqtt://broker ', filters: '\n a/b \n\n' };
	expect(body(typed)).toEqual({
		url: 'mqtt://broker',
		ca: null,
		version: '5',
		client_id: null,
		username: null,
		password: null,
		keep_alive_s: 60,
		filters: [{ filter: 'a/b', qos: 1 }],
		is_paused: false
	});
});

test('the filter that is wrong is named', () => {
	const typed = { ...form(), filters: 'a/b\n\n a/#/c \n' };
	expect(filtersFault(typed, [{ field: 'filters[1].filter', message: 'has # before its end' }])).toBe('a/#/c: has # before its end');
	expect(filtersFault(typed, [{ field: 'filters', message: 'must have at most 32 filters' }])).toBe('must have at most 32 filters');
	expect(filtersFault(typed, [{ field: 'url', message: 'is empty' }])).toBeUndefined();
});

test('what went wrong is told, also of a connection that is there again', () => {
	expect(remarks(HOME)).toEqual([]);
	const at = '2026-03-01T11:00:00Z';
	const state = { ...HOME.state, error: 'the broker refuses the filter `a/b`', error_at: at };
	expect(remarks({ state })).toEqual([{ text: 'last fault: the broker refuses the filter `a/b`', at }]);
	for (const status of ['connecting', 'held']) expect(remarks({ state: { ...state, status } })).toEqual([{ text: 'the broker refuses the filter `a/b`', at }]);
	expect(remarks({ state: { ...state, status: 'paused' } })).toEqual([]);
	const refused = { ...HOME.state, status: 'elsewhere', refused: 2, refusal: 'too large' };
	expect(remarks({ state: refused }).map(({ text }) => text)).toEqual(['another server has the connection', '2 messages were not taken; the last: too large']);
});

test('a status is shown in its colour, one that is not known in none', () => {
	expect(tone('connected')).toBe('ok');
	expect(tone('something new')).toBe('neutral');
});
