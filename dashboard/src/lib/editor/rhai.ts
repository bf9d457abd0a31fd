// The colours of Rhai: https://rhai.rs/book/language/. Comments nest, and a text in backticks may hold code.
import { StreamLanguage, type StreamParser, type StringStream } from '@codemirror/language';

const KEYWORDS = new Set(
	'let const if else switch do while until loop for in break continue return throw try catch fn private import export as global'.split(' ')
);
const ATOMS = new Set(['true', 'false', 'this']);

/** What the place is in: code, or something that goes on over lines. Code within a text is a layer of its own. */
type Layer = { kind: 'code'; braces: number } | { kind: 'comment'; depth: number } | { kind: 'raw'; end: string } | { kind: 'template' };

interface State {
	layers: Layer[];
	/** A name after this is a property or a method. */
	afterDot: boolean;
	/** A name after this is that of a function. */
	afterFn: boolean;
	/** How deep the line is indented. */
	depth: number;
}

const parser: StreamParser<State> = {
	name: 'rhai',
	startState: () => ({ layers: [{ kind: 'code', braces: 0 }], afterDot: false, afterFn: false, depth: 0 }),
	copyState: (state) => ({ ...state, layers: state.layers.map((layer) => ({ ...layer })) }),
	token(stream, state) {
		const layer = state.layers[state.layers.length - 1] ?? { kind: 'code', braces: 0 };
		switch (layer.kind) {
			case 'comment':
				return inComment(stream, state, layer);
			case 'raw':
				return inRaw(stream, state, layer);
			case 'template':
				return inTemplate(stream, state);
			case 'code':
				return inCode(stream, state, layer);
		}
	},
	indent(state, after, context) {
		const closing = /^\s*[}\])]/.test(after);
		return Math.max(0, state.depth - (closing ? 1 : 0)) * context.unit;
	},
	languageData: {
		commentTokens: { line: '//', block: { open: '/*', close: '*/' } },
		closeBrackets: { brackets: ['(', '[', '{', '"', '`'] },
		indentOnInput: /^\s*[}\])]$/
	}
};

export const rhai = StreamLanguage.define(parser);

function inCode(stream: StringStream, state: State, layer: { braces: number }): string | null {
	if (stream.eatSpace()) return null;
	const { afterDot, afterFn } = state;
	state.afterDot = state.afterFn = false;

	if (stream.match('//')) {
		stream.skipToEnd();
		return 'comment';
	}
	if (stream.match('/*')) {
		const comment: Layer = { kind: 'comment', depth: 1 };
		state.layers.push(comment);
		return inComment(stream, state, comment);
	}
	if (stream.match('`')) {
		state.layers.push({ kind: 'template' });
		return inTemplate(stream, state);
	}
	const raw = stream.match(/^(#+)"/);
	if (raw && raw !== true) {
		const text: Layer = { kind: 'raw', end: `"${raw[1]}` };
		state.layers.push(text);
		return inRaw(stream, state, text);
	}
	if (stream.match(/^"(?:[^"\\]|\\.)*("|$)/) || stream.match(/^'(?:[^'\\]|\\.[^']*)'/)) return 'string';
	if (stream.match(/^(0x[\da-f_]+|0o[0-7_]+|0b[01_]+|\d[\d_]*(\.\d[\d_]*)?(e[+-]?\d+)?)/i)) return 'number';
	if (stream.match('#{')) {
		open(state, layer);
		return 'brace';
	}
	const name = stream.match(/^[A-Za-z_]\w*/);
	if (name && name !== true) return named(name[0], stream, state, afterDot, afterFn);
	if (stream.match('::')) return 'operator';
	if (stream.match(/^\??\.(?!\.)/)) {
		state.afterDot = true;
		return 'operator';
	}

	const next = stream.next();
	if (next === '{') open(state, layer);
	else if (next === '(' || next === '[') state.depth++;
	else if (next === ')' || next === ']') state.depth--;
	else if (next === '}') {
		state.depth--;
		layer.braces--;
		// The end of code within a text.
		if (layer.braces < 0 && state.layers.length > 1) {
			state.layers.pop();
			return 'brace';
		}
	}
	if (next && '{}()[]'.includes(next)) return 'brace';
	return next && /[-+*/%=<>!&|^?:;,]/.test(next) ? 'operator' : null;
}

function open(state: State, layer: { braces: number }) {
	state.depth++;
	layer.braces++;
}

function named(name: string, stream: StringStream, state: State, afterDot: boolean, afterFn: boolean): string {
	if (afterFn) return 'def';
	const called = stream.match(/^\s*\(/, false);
	if (afterDot) return called ? 'variableName.function' : 'propertyName';
	if (stream.match(/^\s*::/, false)) return 'namespace';
	if (name === 'fn') state.afterFn = true;
	if (KEYWORDS.has(name)) return 'keyword';
	if (ATOMS.has(name)) return 'atom';
	return called ? 'variableName.function' : 'variableName';
}

function inComment(stream: StringStream, state: State, layer: { depth: number }): string {
	while (!stream.eol()) {
		if (stream.match('/*')) layer.depth++;
		else if (stream.match('*/')) {
			if (--layer.depth === 0) {
				state.layers.pop();
				break;
			}
		} else stream.next();
	}
	return 'comment';
}

function inRaw(stream: StringStream, state: State, layer: { end: string }): string {
	while (!stream.eol()) {
		if (stream.match(layer.end)) {
			state.layers.pop();
			break;
		}
		stream.next();
	}
	return 'string';
}

function inTemplate(stream: StringStream, state: State): string {
	const start = stream.pos;
	while (!stream.eol()) {
		if (stream.match('${', false)) {
			if (stream.pos > start) return 'string';
			stream.match('${');
			state.depth++;
			state.layers.push({ kind: 'code', braces: 0 });
			return 'brace';
		}
		if (stream.match('``')) continue;
		if (stream.match('`')) {
			state.layers.pop();
			break;
		}
		stream.next();
	}
	return 'string';
}
