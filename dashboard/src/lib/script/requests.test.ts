// @vitest-environment jsdom
import { beforeEach, expect, test } from 'vitest';
import { EMPTY_INPUT } from './request';
import { openInRunPanel, Requests, SAVED_MAX } from './requests.svelte';

beforeEach(() => localStorage.clear());

test('a kept request is there at the next visit, for its script alone', () => {
	const requests = new Requests('a', []);
	requests.input = { ...EMPTY_INPUT, method: 'POST', path: '/orders', body: '{}' };
	requests.save('an order');
	expect(new Requests('a', []).saved['an order']).toMatchObject({ method: 'POST', path: '/orders', body: '{}' });
	expect(new Requests('a', []).input.path).toBe('/orders');
	expect(new Requests('b', []).saved).toEqual({});
	requests.forget('an order');
	expect(new Requests('a', []).saved).toEqual({});
});

test('what is kept is bounded, and what is there can still be changed', () => {
	const requests = new Requests('a', []);
	for (let index = 0; index <= SAVED_MAX; index++) requests.save(`request ${index}`);
	expect(Object.keys(requests.saved)).toHaveLength(SAVED_MAX);
	expect(requests.full).toBe(true);
	requests.input = { ...EMPTY_INPUT, path: '/changed' };
	requests.save('request 0');
	expect(requests.saved['request 0']?.path).toBe('/changed');
});

test('a recorded run opens with its request, and what was kept stays', () => {
	new Requests('a', []).save('mine');
	openInRunPanel('a', { ...EMPTY_INPUT, path: '/recorded' });
	const requests = new Requests('a', []);
	expect(requests.input.path).toBe('/recorded');
	expect(Object.keys(requests.saved)).toEqual(['mine']);
});

test('nonsense in the storage is no fault', () => {
	localStorage.setItem('picloud.requests.a', '{"last":');
	expect(new Requests('a', []).input).toMatchObject(EMPTY_INPUT);
});
