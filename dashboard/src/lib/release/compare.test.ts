import { expect, test } from 'vitest';
import { compare } from './compare';

const limits = { timeout_ms: 1 } as never;
const script = (id: string, name: string, version: number) => ({ id, name, version, description: '', content_hash: null, limits });
const route = (id: string, path: string) => ({ id, path, host: null, methods: ['GET'], script_id: 's', webhook: null });
const binding = (id: string, name: string, spec: unknown, is_paused = false) => ({ id, name, spec, is_paused, script_id: 's' });

test('what was added, removed and changed is told', () => {
	const before = { scripts: [script('1', 'a', 1), script('2', 'b', 1)], routes: [route('r', '/a')], domains: [], config: { limit: 1, old: true }, subscriptions: [binding('1', 'orders', { topic: 'order.*' })], schedules: [binding('2', 'nightly', { pattern: '0 3 * * *' })] };
	const after = { scripts: [script('1', 'c', 3)], routes: [route('r', '/x')], domains: [{ id: 'd', pattern: 'example.com' }], config: { greeting: 'Hello', limit: 2 }, subscriptions: [], schedules: [binding('2', 'nightly', { pattern: '0 4 * * *' }, true)] };
	expect(compare(before, after)).toEqual([
		{ kind: 'changed', what: 'script c', detail: 'was a, version 1 → 3' },
		{ kind: 'removed', what: 'script b' },
		{ kind: 'changed', what: 'route GET /x', detail: 'was GET /a' },
		{ kind: 'added', what: 'domain example.com', detail: undefined },
		{ kind: 'added', what: 'value greeting', detail: '"Hello"' },
		{ kind: 'changed', what: 'value limit', detail: '1 → 2' },
		{ kind: 'removed', what: 'value old' },
		{ kind: 'removed', what: 'subscription orders' },
		{ kind: 'changed', what: 'schedule nightly', detail: 'when and how, paused' }
	]);
});

test('a release is no different from itself', () => {
	const same = { scripts: [script('1', 'a', 1)], routes: [route('r', '/a')], domains: [], config: { a: [1] }, subscriptions: [], schedules: [binding('2', 'nightly', 1)] };
	expect(compare(same, structuredClone(same))).toEqual([]);
});

test('a route that takes signed requests alone is told', () => {
	const rest = { scripts: [], domains: [], config: {}, subscriptions: [], schedules: [] };
	const open = { ...rest, routes: [route('r', '/hook')] };
	const webhook = { preset: 'github', secret: 'KEY', tolerance_s: 300, respond: 'run' };
	const signed = { ...rest, routes: [{ ...route('r', '/hook'), webhook }] };
	expect(compare(open, signed)).toEqual([{ kind: 'changed', what: 'route GET /hook', detail: 'webhook github' }]);
	expect(compare(signed, open)).toEqual([{ kind: 'changed', what: 'route GET /hook', detail: 'no webhook any more' }]);
});
