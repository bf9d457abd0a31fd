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

/** What the first view is made of. On a slow line each file costs a way there and back, so it is one. */
const FIRST_VIEW = [
	/\/node_modules\/(svelte|@sveltejs\/kit|openapi-fetch|esm-env|clsx|devalue)\//,
	/\/node_modules\/@lucide\/svelte\/dist\/(Icon|defaultAttributes|context|utils|icons\/(plus|search|circle-user-round|wifi-off|x))\b/,
	/\/src\/lib\/(api|design|session)\//,
	/\/src\/lib\/shell\/(TopBar|UserMenu|Keys|Offline|ErrorPage|keys|overlays|places)\./,
	/\/src\/lib\/ui\/(Button|Chip|Empty|PageHead|State|Table|Time|Toaster|now|share|time|toasts)\./,
	/\/src\/lib\/app\/(roles|Activity)\./,
	/\/src\/routes\/(\+layout|\(in\)\/\+layout|\(in\)\/apps\/\+page)/
];

export default defineConfig({
	plugins: [noInlineStyle, sveltekit(), svelteTesting({ autoCleanup: false })],
	server: { host: '127.0.0.1', proxy },
	environments: {
		client: {
			build: {
				rolldownOptions: {
					output: { codeSplitting: { groups: [{ name: 'first-view', test: (id) => FIRST_VIEW.some((part) => part.test(id)) }] } }
				}
			}
		}
	},
	build: { target: 'es2022' },
	test: {
		// A test of a component asks for a browser of a kind by `// @vitest-environment jsdom`.
		environment: 'node',
		// Only a fault reaches this: the machine may be busy.
		testTimeout: 60_000,
		include: ['src/**/*.test.ts']
	}
});
