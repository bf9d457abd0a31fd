import { defineConfig } from 'vitest/config';

export default defineConfig({
	test: {
		include: ['e2e/**/*.journey.ts'],
		// One server and one browser at a time: the machine may be small.
		fileParallelism: false,
		testTimeout: 300_000,
		hookTimeout: 120_000,
		expect: { poll: { timeout: 60_000 } }
	}
});
