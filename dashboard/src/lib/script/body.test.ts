import { expect, test } from 'vitest';
import { shownAs } from './body';

const response = (type: string | undefined, body: string | null, body_base64?: string) =>
	shownAs({ body, body_base64, headers: type ? { 'content-type': type } : {} });

test('JSON is laid out, and what is none stays as it is', () => {
	expect(response('application/json', '{"a":1}')).toEqual({ as: 'text', text: '{\n  "a": 1\n}' });
	expect(response('application/problem+json; charset=utf-8', '[1]')).toEqual({ as: 'text', text: '[\n  1\n]' });
	expect(response('application/json', '{"a":')).toEqual({ as: 'text', text: '{"a":' });
	expect(response(undefined, '{"a":1}')).toEqual({ as: 'text', text: '{"a":1}' });
});

test('a page is a page only by its type', () => {
	expect(response('text/html; charset=utf-8', '<p>x</p>')).toEqual({ as: 'page', html: '<p>x</p>' });
	expect(response('text/plain', '<p>x</p>')).toEqual({ as: 'text', text: '<p>x</p>' });
});

test('pictures are shown, other files can be had', () => {
	expect(response('image/png', null, 'aGk=')).toEqual({ as: 'picture', url: 'data:image/png;base64,aGk=' });
	expect(response('image/svg+xml', '<svg/>')).toEqual({ as: 'picture', url: 'data:image/svg+xml,%3Csvg%2F%3E' });
	expect(response('application/pdf', null, 'aGk=')).toMatchObject({ as: 'file', type: 'application/pdf', bytes: 2 });
});

test('no body is nothing', () => {
	expect(response('text/html', '')).toEqual({ as: 'nothing' });
	expect(response(undefined, null)).toEqual({ as: 'nothing' });
});
