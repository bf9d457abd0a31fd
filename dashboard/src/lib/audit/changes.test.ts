import { expect, test } from 'vitest';
import { changes } from './changes';

test('only what differs is told, however deep it is', () => {
	const before = { name: 'greet', limits: { timeout_ms: 1000, memory_bytes: 5 }, methods: ['GET'] };
	const after = { name: 'greet', limits: { timeout_ms: 2000, memory_bytes: 5 }, methods: ['GET', 'POST'] };
	expect(changes(before, after)).toEqual([
		{ field: 'limits.timeout_ms', before: '1000', after: '2000' },
		{ field: 'methods', before: '["GET"]', after: '["GET","POST"]' }
	]);
});

test('what is new has no before, and what is gone no after', () => {
	expect(changes(null, { slug: 'shop' })).toEqual([{ field: 'slug', before: undefined, after: 'shop' }]);
	expect(changes({ slug: 'shop' }, null)).toEqual([{ field: 'slug', before: 'shop', after: undefined }]);
	expect(changes({ email: 'a@b' }, { email: null })).toEqual([{ field: 'email', before: 'a@b', after: 'null' }]);
	expect(changes(null, null)).toEqual([]);
});
