import { expect, test, vi } from 'vitest';

vi.mock('$app/paths', () => ({ base: '/admin' }));
const { returnPath, signInPath } = await import('./session.svelte');

const after = (wanted: string) => returnPath(new URL(`http://nas:8080/admin/login?return=${encodeURIComponent(wanted)}`));

test('signing in leads back to where somebody was', () => {
	const url = new URL('http://nas:8080/admin/apps/shop/executions?status=error#x');
	const signIn = new URL(signInPath(url), url);
	expect(signIn.pathname).toBe('/admin/login');
	expect(returnPath(signIn)).toBe('/admin/apps/shop/executions?status=error#x');
});

test('it never leads to another site, out of the dashboard or in a circle', () => {
	for (const wanted of ['https://evil.test/admin/', '//evil.test/admin/', '/hello', '/admin/login', '/admin/../x', 'javascript:alert(1)']) {
		expect(after(wanted)).toBe('/admin/apps');
	}
});
