import { expect, test } from 'vitest';
import { routeUrl } from './urls';

const here = { protocol: 'http:', hostname: '127.0.0.1', port: '8080' };
const exact = (pattern: string) => ({ kind: 'exact', pattern });

test('a route without a host is reached where the reader is, if the app answers there', () => {
	const url = routeUrl({ host: null, path: '/hello/{name}' }, [exact('example.com'), exact('localhost')], here);
	expect(url).toBe('http://127.0.0.1:8080/hello/{name}');
});

test('otherwise it is reached at an exact domain of the app', () => {
	const domains = [{ kind: 'wildcard', pattern: '*.example.com' }, exact('example.com')];
	expect(routeUrl({ host: null, path: '/' }, domains, here)).toBe('http://example.com:8080/');
});

test('a route with a host is reached there', () => {
	const route = { host: 'api.example.com', path: '/x' };
	expect(routeUrl(route, [exact('localhost')], { ...here, port: '' })).toBe('http://api.example.com/x');
});

test('without a domain there is no URL', () => {
	expect(routeUrl({ host: null, path: '/' }, [], here)).toBeUndefined();
});
