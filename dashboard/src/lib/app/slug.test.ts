import { expect, test } from 'vitest';
import { slugOf } from './slug';

test('a name suggests a slug', () => {
	expect(slugOf('Web shop')).toBe('web-shop');
	expect(slugOf('  Café & Bar!  ')).toBe('cafe-bar');
	expect(slugOf('')).toBe('');
	expect(slugOf('x'.repeat(80))).toHaveLength(63);
});
