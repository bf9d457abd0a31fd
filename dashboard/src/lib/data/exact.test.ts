import { expect, test } from 'vitest';
import { fault, parseExact, preview, pretty } from './exact';

// Older browsers and Node before 21 cannot tell how a number was written.
test.skipIf(!('rawJSON' in JSON))('numbers come back as they were written', () => {
	const text = '{"id":9007199254740993,"price":1.0,"small":1e-7,"plain":12,"list":[-0.50,3]}';
	expect(JSON.stringify(parseExact(text))).toBe(text);
	expect(preview(parseExact('[1.0]'))).toBe('[1.0]');
	expect(pretty(parseExact('[1.0]'))).toBe('[\n  1.0\n]');
});

test('a long value is cut for a preview', () => {
	const shown = preview('x'.repeat(1_000));
	expect(shown.length).toBeLessThan(200);
	expect(shown.endsWith('…')).toBe(true);
});

test('what is wrong with a text is told with its place', () => {
	expect(fault('{"a": 1}')).toBeUndefined();
	expect(fault('null')).toBeUndefined();
	expect(fault('  ')).toContain('missing');
	expect(fault('{\n  "a": 1,\n}')).toMatch(/^Line 3, column 1: /);
	expect(fault('hello')).toMatch(/JSON|Line 1/);
});
