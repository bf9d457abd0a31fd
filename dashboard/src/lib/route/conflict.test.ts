import { expect, test } from 'vitest';
import { conflictsOf, hostIsClaimed } from './conflict';

const route = (path: string, methods = ['GET'], host: string | null = null) => ({ id: path + methods.join(), app_id: 'a', script_id: 's', host, path, methods, webhook: null });

test('routes of one shape that share a method conflict', () => {
	const there = [route('/users/{id}'), route('/files/{*rest}', ['*'])];
	expect(conflictsOf(route('/users/{name}'), there)).toHaveLength(1);
	expect(conflictsOf(route('/users/{name}', ['POST']), there)).toHaveLength(0);
	expect(conflictsOf(route('/users/me'), there)).toHaveLength(0);
	expect(conflictsOf(route('/files/{*path}', ['PUT']), there)).toHaveLength(1);
	expect(conflictsOf(route('/users/{id}', ['GET'], 'example.com'), there)).toHaveLength(0);
});

test('a route does not conflict with itself', () => {
	const there = route('/a');
	expect(conflictsOf(route('/a'), [there], there.id)).toHaveLength(0);
});

test('a host falls under exact and open claims', () => {
	const domains = [{ pattern: 'example.com' }, { pattern: '*.example.com' }, { pattern: '{tenant}.shop.test' }];
	expect(hostIsClaimed('example.com', domains)).toBe(true);
	expect(hostIsClaimed('api.example.com', domains)).toBe(true);
	expect(hostIsClaimed('{tenant}.shop.test', domains)).toBe(true);
	expect(hostIsClaimed('a.b.example.com', domains)).toBe(false);
	expect(hostIsClaimed('other.test', domains)).toBe(false);
});
