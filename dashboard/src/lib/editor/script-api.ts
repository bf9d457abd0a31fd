// What the editor knows of the script API: what the running server says about it.
import type { Completion, CompletionContext, CompletionResult, CompletionSource } from '@codemirror/autocomplete';
import type { Schemas } from '$lib/api/client';

type ApiFunction = Schemas['ScriptFunction'];

/** What a name can stand after: nothing, a dot, or a module. */
type Place = { after: 'nothing' } | { after: 'dot' } | { after: 'module'; module: string };

/** The words of the language itself. */
const WORDS = 'let const if else switch while until loop for in break continue return throw try catch fn import true false'.split(' ');

/** What comes in at the beginning of a script, whatever it imports. */
const REQUEST: Completion = { label: 'request', type: 'variable', detail: 'the request that is answered' };

/** Completes names of the API, and the words and names that stand in the source already. */
export function completion(functions: ApiFunction[]): CompletionSource {
	const modules = [...new Set(functions.flatMap(({ module }) => module ?? []))];
	return (context: CompletionContext): CompletionResult | null => {
		const before = context.matchBefore(/[\w:.]*/);
		const word = context.matchBefore(/\w*/);
		if (!before || !word || (before.from === before.to && !context.explicit)) return null;
		const place = placeOf(context.state.sliceDoc(Math.max(0, word.from - 64), word.from));
		const options = functions.filter((one) => fits(one, place)).map((one) => option(one));
		if (place.after === 'nothing') {
			options.push(REQUEST);
			options.push(...modules.map((module): Completion => ({ label: module, type: 'namespace', apply: `${module}::` })));
			options.push(...WORDS.map((label): Completion => ({ label, type: 'keyword' })));
			options.push(...namesIn(context.state.doc.toString(), word.from));
		}
		return { from: word.from, options: distinct(options), validFor: /^\w*$/ };
	};
}

/** The functions that the name at `offset` of `line` may be, best first. */
export function functionsAt(functions: ApiFunction[], line: string, offset: number): { from: number; to: number; found: ApiFunction[] } | undefined {
	const start = line.slice(0, offset).search(/\w+$/);
	const from = start < 0 ? offset : start;
	const name = /^\w+/.exec(line.slice(from))?.[0];
	if (!name) return undefined;
	const place = placeOf(line.slice(0, from));
	const found = functions.filter((one) => one.name === name && fits(one, place));
	return found.length > 0 ? { from, to: from + name.length, found } : undefined;
}

/** What is to be read about a function, as elements: its text is never markup. */
export function docsOf(functions: ApiFunction[]): HTMLElement {
	const box = document.createElement('div');
	box.className = 'api-docs';
	for (const one of functions.slice(0, 2)) {
		box.append(element('div', 'signature', one.signature));
		for (const [index, part] of one.docs.split(/```(?:rhai)?\n?/).entries()) {
			const text = part.trim();
			if (!text) continue;
			if (index % 2 === 1) box.append(element('pre', '', text));
			else box.append(prose(text));
		}
	}
	return box;
}

function prose(text: string): HTMLElement {
	const paragraph = document.createElement('div');
	for (const [index, part] of text.split('`').entries()) {
		paragraph.append(index % 2 === 1 ? element('code', '', part) : part);
	}
	return paragraph;
}

function element(name: string, className: string, text: string): HTMLElement {
	const made = document.createElement(name);
	if (className) made.className = className;
	made.textContent = text;
	return made;
}

function placeOf(before: string): Place {
	const module = /(\w+)::$/.exec(before)?.[1];
	if (module) return { after: 'module', module };
	return /[\w)\]"`]\s*\??\.$/.test(before) ? { after: 'dot' } : { after: 'nothing' };
}

function fits(one: ApiFunction, place: Place): boolean {
	if (place.after === 'module') return one.module === place.module;
	if (one.module) return false;
	return place.after === 'dot' ? one.kind !== 'function' : one.kind === 'function';
}

function option(one: ApiFunction): Completion {
	return {
		label: one.name,
		type: one.kind === 'property' ? 'property' : one.kind,
		detail: one.on ?? undefined,
		// Properties of the request are what is looked for most.
		boost: one.on === 'Request' ? 2 : 0,
		info: () => docsOf([one])
	};
}

function namesIn(source: string, except: number): Completion[] {
	const names = new Set<string>();
	for (const found of source.matchAll(/\b[a-z_]\w{2,}\b/gi)) {
		if (found.index !== except) names.add(found[0]);
	}
	return [...names].map((label) => ({ label, type: 'text', boost: -2 }));
}

function distinct(options: Completion[]): Completion[] {
	const seen = new Set<string>();
	return options.filter(({ label, detail, type }) => {
		const known = seen.has(label) && type === 'text';
		const key = `${label} ${detail ?? ''}`;
		if (known || seen.has(key)) return false;
		seen.add(label).add(key);
		return true;
	});
}
