// @vitest-environment jsdom
import { render, screen, within } from '@testing-library/svelte';
import { expect, test } from 'vitest';
import type { Link } from './chain';
import ChainTree from './ChainTree.svelte';

const link = (kind: Link['kind'], id: string, effects: Link[] = []): Link => ({ kind, id, title: `title of ${id}`, at: '2026-03-01T12:00:00Z', effects });

test('what follows stands within what it follows from, and leads to its page', () => {
	Element.prototype.scrollIntoView = () => {};
	const links = [link('request', 'a', [link('event', 'b', [link('delivery', 'c'), link('delivery', 'd')])])];
	render(ChainTree, { at: '/admin/apps/shop', links, current: 'd' });
	const outer = screen.getAllByRole('listitem')[0]!;
	expect(within(outer).getAllByRole('listitem')).toHaveLength(3);
	expect(screen.getByRole('link', { name: 'title of a' }).getAttribute('href')).toBe('/admin/apps/shop/executions/a');
	expect(screen.getByRole('link', { name: 'title of c' }).getAttribute('href')).toBe('/admin/apps/shop/events/deliveries/c');
	expect(screen.queryByRole('link', { name: 'title of b' })).toBeNull();
	expect(document.querySelectorAll('[aria-current=true]')).toHaveLength(1);
	expect(document.querySelector('[aria-current=true]')?.textContent).toContain('title of d');
});
