import { expect, test } from 'vitest';
import { isLower, managesPeople, mayChange, rolesToGive } from './ranks';

test('nobody gives a role above their own, and members give none', () => {
	expect(rolesToGive('owner')).toEqual(['member', 'admin', 'owner']);
	expect(rolesToGive('admin')).toEqual(['member', 'admin']);
	expect(rolesToGive('member')).toEqual([]);
});

test('nobody changes an account above their own', () => {
	expect(mayChange('admin', 'owner')).toBe(false);
	expect(mayChange('admin', 'admin')).toBe(true);
	expect(mayChange('member', 'member')).toBe(false);
});

test('a role that is not known may do nothing', () => {
	expect(managesPeople('something')).toBe(false);
	expect(managesPeople(undefined)).toBe(false);
	expect(mayChange('something', 'member')).toBe(false);
});

test('a lower role is one that may do less', () => {
	expect(isLower('member', 'admin')).toBe(true);
	expect(isLower('admin', 'admin')).toBe(false);
});
