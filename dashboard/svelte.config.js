import adapter from '@sveltejs/adapter-static';

/** Where the build goes. The tests build elsewhere, and compare. */
const out = process.env.PICLOUD_DASHBOARD_OUT ?? 'dist';

/** @type {import('@sveltejs/kit').Config} */
export default {
	compilerOptions: { runes: true },
	kit: {
		adapter: adapter({ pages: out, assets: out, fallback: 'index.html' }),
		paths: { base: '/admin', relative: false },
		// The same source is the same build, byte by byte: the build is committed.
		version: { name: 'built' },
		output: { preloadStrategy: 'modulepreload' },
		typescript: {
			config: (config) => {
				config.include.push('../e2e/**/*.ts', '../scripts/**/*.mjs');
			}
		}
	}
};
