import { CompletionContext } from '@codemirror/autocomplete';
import { EditorState } from '@codemirror/state';
import { expect, test } from 'vitest';
import { completion, functionsAt } from './script-api';

const api = [
	{ module: null, name: 'path', kind: 'property', on: 'Request', signature: 'request.path', docs: 'The path.' },
	{ module: 'log', name: 'info', kind: 'function', on: null, signature: 'log::info(value)', docs: '' },
	{ module: null, name: 'response', kind: 'function', on: null, signature: 'response(status, body)', docs: '' }
] as const;

async function offered(source: string): Promise<string[]> {
	const state = EditorState.create({ doc: source });
	const result = await completion([...api])(new CompletionContext(state, source.length, false));
	return (result?.options ?? []).map(({ label }) => label);
}

test('after a dot stand properties, after a module its functions', async () => {
	expect(await offered('request.p')).toEqual(['path']);
	expect(await offered('log::')).toEqual(['info']);
});

test('elsewhere stand functions, modules, words and names of the source', async () => {
	const labels = await offered('let total = 1;\nr');
	expect(labels).toEqual(expect.arrayContaining(['response', 'request', 'log', 'return', 'total']));
	expect(labels).not.toContain('path');
	expect(labels).not.toContain('info');
});

test('a name is found by what stands before it', () => {
	expect(functionsAt([...api], 'log::info("x")', 6)).toMatchObject({ from: 5, to: 9, found: [{ module: 'log' }] });
	expect(functionsAt([...api], 'info("x")', 2)).toBeUndefined();
	expect(functionsAt([...api], 'request.path', 9)).toMatchObject({ found: [{ name: 'path' }] });
});
