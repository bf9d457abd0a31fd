import type { Schemas } from '$lib/api/client';

/** The request of a test run as somebody types it. */
export interface Input {
	method: string;
	/** Path and query. */
	path: string;
	/** One header a line. */
	headers: string;
	body: string;
}

export const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'];

export const EMPTY_INPUT: Input = { method: 'GET', path: '/', headers: '', body: '' };

type Route = Pick<Schemas['Route'], 'path' | 'methods'>;

/** What the server is asked to run a script with. Its routes tell what is a parameter. */
export function testRequest(input: Input, routes: Route[], host: string): Schemas['TestRequest'] {
	const [path = '/'] = input.path.split('?');
	return {
		method: input.method,
		host,
		path: input.path || '/',
		headers: headersOf(input.headers),
		params: paramsOf(routes, path),
		query: null,
		url: null,
		body: input.body || null,
		body_base64: null
	};
}

/** Headers out of lines of the form `name: value`. */
export function headersOf(lines: string): Record<string, string> {
	const headers: Record<string, string> = {};
	for (const line of lines.split('\n')) {
		const colon = line.indexOf(':');
		if (colon > 0) headers[line.slice(0, colon).trim()] = line.slice(colon + 1).trim();
	}
	return headers;
}

/** What the first route that `path` fits says about it. */
export function paramsOf(routes: Route[], path: string): Record<string, string> {
	for (const route of routes) {
		const params = matched(route.path, path);
		if (params) return params;
	}
	return {};
}

/** A first request for a script: that of its first route. */
export function inputFor(routes: Route[]): Input {
	const [route] = routes;
	if (!route) return EMPTY_INPUT;
	const method = route.methods.find((method) => METHODS.includes(method)) ?? 'GET';
	return { ...EMPTY_INPUT, method, path: route.path.replace(/\{\*?(\w+)\}/g, '$1') };
}

function matched(pattern: string, path: string): Record<string, string> | undefined {
	const wanted = pattern.split('/');
	const there = path.split('/');
	const params: Record<string, string> = {};
	for (const [index, segment] of wanted.entries()) {
		const [, rest, name] = /^\{(\*?)(\w+)\}$/.exec(segment) ?? [];
		const value = there[index];
		if (value === undefined) return undefined;
		if (name && rest) {
			params[name] = decoded(there.slice(index).join('/'));
			return params;
		}
		if (name && value) params[name] = decoded(value);
		else if (segment !== value) return undefined;
	}
	return wanted.length === there.length ? params : undefined;
}

function decoded(text: string): string {
	try {
		return decodeURIComponent(text);
	} catch {
		return text;
	}
}
