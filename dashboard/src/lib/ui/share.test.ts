import { expect, test } from 'vitest';
import { share } from './share';

test('a share does not hide a single failure or a single success', () => {
	expect(share(0, 10)).toBe('0 %');
	expect(share(1, 100_000)).toBe('< 0.1 %');
	expect(share(5, 200)).toBe('2.5 %');
	expect(share(99_999, 100_000)).toBe('> 99.9 %');
	expect(share(3, 3)).toBe('100 %');
});
