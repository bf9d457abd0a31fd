import { sveltekit } from '@sveltejs/kit/vite';
import { svelteTesting } from '@testing-library/svelte/vite';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

/** The server that `npm run dev` talks to. */
const server = process.env.PICLOUD ?? 'http://localhost:8080';
const proxy = Object.fromEntries(
	['/api', '/version', '/readyz', '/healthz'].map((path) => [path, { target: server, changeOrigin: false }])
);

/** The policy forbids inline styles. The few that the libraries have become classes of ours. */
const noInlineStyle: Plugin = {
	name: 'no-inline-style',
	enforce: 'pre',
	transform(code, id) {
		if (id.endsWith('/generated/root.svelte')) return code.replace(/(<div id="svelte-announcer"[^>]*?) style="[^"]*"/, '$1 class="visually-hidden"');
		if (id.includes('/bits-ui/') && id.endsWith('.svelte')) return code.replaceAll('style="display: contents;"', 'class="contents"');
		return undefined;
	}
};

export default defineConfig({
	plugins: [noInlineStyle, sveltekit(), svelteTesting({ autoCleanup: false })],
	server: { host: '127.0.0.1', proxy },
	build: { target: 'es2022' },
	test: {
		// A test of a component asks for a browser of a kind by `// @vitest-environment jsdom`.
		environment: 'node',
		include: ['src/**/*.test.ts']
	}
});
