import { expect, test } from 'vitest';
import { headersOf, inputFor, paramsOf, testRequest } from './request';

const route = (path: string, methods = ['GET']) => ({ path, methods });

test('parameters come from the route that the path fits', () => {
	const routes = [route('/'), route('/hello/{name}'), route('/files/{*rest}')];
	expect(paramsOf(routes, '/hello/Ada%20L')).toEqual({ name: 'Ada L' });
	expect(paramsOf(routes, '/files/a/b.txt')).toEqual({ rest: 'a/b.txt' });
	expect(paramsOf(routes, '/hello/')).toEqual({});
	expect(paramsOf(routes, '/hello/a/b')).toEqual({});
});

test('headers are read line by line', () => {
	expect(headersOf('content-type: text/plain\nx-when: 12:30\n\nno header')).toEqual({ 'content-type': 'text/plain', 'x-when': '12:30' });
});

test('a request has a body only if there is one', () => {
	const input = { method: 'POST', path: '/x?a=1', headers: '', body: '' };
	expect(testRequest(input, [], 'localhost')).toMatchObject({ method: 'POST', host: 'localhost', path: '/x?a=1', body: null });
	expect(testRequest({ ...input, body: '{}' }, [], 'localhost').body).toBe('{}');
});

test('the first request is that of the first route', () => {
	expect(inputFor([route('/hello/{name}', ['POST', 'GET'])])).toMatchObject({ method: 'POST', path: '/hello/name' });
	expect(inputFor([route('/any', ['*'])])).toMatchObject({ method: 'GET', path: '/any' });
	expect(inputFor([])).toMatchObject({ method: 'GET', path: '/' });
});
