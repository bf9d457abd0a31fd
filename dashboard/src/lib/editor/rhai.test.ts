import { highlightTree, tagHighlighter, tags } from '@lezer/highlight';
import { expect, test } from 'vitest';
import { rhai } from './rhai';

const highlighter = tagHighlighter([
	{ tag: tags.keyword, class: 'keyword' },
	{ tag: tags.comment, class: 'comment' },
	{ tag: tags.string, class: 'string' },
	{ tag: tags.number, class: 'number' },
	{ tag: tags.propertyName, class: 'property' },
	{ tag: tags.function(tags.variableName), class: 'function' },
	{ tag: tags.definition(tags.variableName), class: 'definition' },
	{ tag: tags.namespace, class: 'module' }
]);

/** The parts of `source` that have a colour: `class:text`. */
function coloured(source: string): string[] {
	const found: string[] = [];
	highlightTree(rhai.parser.parse(source), highlighter, (from, to, classes) => {
		found.push(`${classes}:${source.slice(from, to)}`);
	});
	return found;
}

test('comments nest', () => {
	expect(coloured('/* a /* b */ c */ let')).toEqual(['comment:/* a /* b */ c */', 'keyword:let']);
	expect(coloured('/* a\n/* b\n*/ c\n*/ if').at(-1)).toBe('keyword:if');
});

test('a text in backticks holds code, and that may hold a text', () => {
	expect(coloured('`a ${ `b ${ 1 }` + #{x: 2}.x } c` if')).toEqual([
		'string:`a ',
		'string:`b ',
		'number:1',
		'string:`',
		'number:2',
		'property:x',
		'string: c`',
		'keyword:if'
	]);
});

test('texts end where Rhai ends them', () => {
	expect(coloured('"a \\" b" 1')).toEqual(['string:"a \\" b"', 'number:1']);
	expect(coloured('#"a " b"# 1')).toEqual(['string:#"a " b"#', 'number:1']);
	expect(coloured('`a `` b` 1')).toEqual(['string:`a `` b`', 'number:1']);
});

test('functions, modules and properties are told apart', () => {
	expect(coloured('fn add(x) { log::info(x.len()); request.path }')).toEqual([
		'keyword:fn',
		'definition:add',
		'module:log',
		'function:info',
		'function:len',
		'property:path'
	]);
});

test('closures and ranges are no properties', () => {
	expect(coloured('items.map(|x| x + 1); 0..10')).toEqual(['function:map', 'number:1', 'number:0', 'number:10']);
});
