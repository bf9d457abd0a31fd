import { expect, test } from 'vitest';
import { joined } from './pages.svelte';

const items = (...ids: string[]) => ids.map((id) => ({ id }));

test('what is new stands in front of what was there', () => {
	expect(joined(items('5', '4', '3'), items('4', '3', '2', '1'))).toEqual(items('5', '4', '3', '2', '1'));
	expect(joined(items('4', '3'), items('4', '3', '2'))).toEqual(items('4', '3', '2'));
});

test('a list with a gap is no list', () => {
	expect(joined(items('9', '8'), items('4', '3'))).toBeUndefined();
	expect(joined(items(), items('4', '3'))).toBeUndefined();
});
