// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen } from '@testing-library/svelte';
import { createRawSnippet } from 'svelte';
import { afterEach, expect, test, vi } from 'vitest';
import { ApiError } from '$lib/api/problem';
import Button from './Button.svelte';
import More from './More.svelte';
import Problem from './Problem.svelte';
import { toasts } from './toasts.svelte';

afterEach(cleanup);

const text = (words: string) => createRawSnippet(() => ({ render: () => `<span>${words}</span>` }));

test('a refused button can be found and says why, and does nothing', async () => {
	const onclick = vi.fn();
	render(Button, { children: text('Delete'), refused: 'This needs the role editor.', onclick });
	const button = screen.getByRole('button', { name: 'Delete' });
	await fireEvent.click(button);
	expect(onclick).not.toHaveBeenCalled();
	expect(button.title).toContain('editor');
	expect(button.getAttribute('aria-disabled')).toBe('true');
	await fireEvent.click(button);
	expect(toasts.items.map((toast) => toast.text)).toEqual(['This needs the role editor.']);
});

test('a busy button cannot be pressed twice', async () => {
	const onclick = vi.fn();
	render(Button, { children: text('Save'), busy: true, onclick });
	await fireEvent.click(screen.getByRole('button', { name: 'Save' }));
	expect(onclick).not.toHaveBeenCalled();
});

test('a problem shows its detail, and fields that show nothing themselves', () => {
	const error = new ApiError(422, {
		detail: 'Some fields are not valid; see `errors`.',
		errors: [
			{ field: 'name', message: 'is empty' },
			{ field: 'limits.timeout_ms', message: 'is too long' }
		]
	});
	render(Problem, { error, shown: ['name'] });
	const alert = screen.getByRole('alert').textContent;
	expect(alert).toContain('Some fields');
	expect(alert).toContain('limits.timeout_ms');
	expect(alert).not.toContain('is empty');
});

test('a problem is silent if its fields say all', () => {
	const error = new ApiError(422, { detail: 'x', errors: [{ field: 'name', message: 'is empty' }] });
	render(Problem, { error, shown: ['name'] });
	expect(screen.queryByRole('alert')).toBeNull();
});

test('markup in a problem is text', () => {
	render(Problem, { error: new ApiError(400, { detail: '<b id="markup">x</b>' }) });
	expect(document.querySelector('#markup')).toBeNull();
	expect(screen.getByRole('alert').textContent).toContain('<b id="markup">');
});

test('fields out of sight are shown once one of them is wrong', async () => {
	const children = createRawSnippet(() => ({ render: () => '<input required />' }));
	const isOpen = () => document.querySelector('details')?.open;
	render(More, { title: 'More', children });
	expect(isOpen()).toBe(false);
	// The browser finds that it is empty.
	document.querySelector('input')?.checkValidity();
	await vi.waitFor(() => expect(isOpen()).toBe(true));
	cleanup();
	const second = render(More, { title: 'More', children });
	expect(isOpen()).toBe(false);
	// The server finds that it is wrong.
	await second.rerender({ wrong: true });
	expect(isOpen()).toBe(true);
});
