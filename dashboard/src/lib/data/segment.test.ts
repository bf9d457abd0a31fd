import { expect, test } from 'vitest';
import { segment } from './segment';

test('no name is a step in a path', () => {
	for (const [name, text] of [
		['.', '~.'],
		['..', '~..'],
		['~..', '~~..'],
		['...', '...'],
		['~', '~'],
		['a/..', 'a/..']
	] as const) {
		expect(segment(name)).toBe(text);
		const { pathname } = new URL(`http://nas/kv/${encodeURIComponent(segment(name))}`);
		expect(decodeURIComponent(pathname)).toBe(`/kv/${text}`);
	}
});
