import { expect, test } from 'vitest';
import { atLeast } from './roles';

test('a role may do what lesser roles may', () => {
	expect(atLeast('app_admin', 'editor')).toBe(true);
	expect(atLeast('editor', 'editor')).toBe(true);
	expect(atLeast('viewer', 'editor')).toBe(false);
});

test('a role that is not known may do nothing', () => {
	expect(atLeast('something', 'viewer')).toBe(false);
	expect(atLeast(undefined, 'viewer')).toBe(false);
});
