import { expect, test } from 'vitest';
import { retryWords, spanWords, typedRetry, untypedRetry } from './retry';

test('a policy survives the form', () => {
	const policy = { attempts_max: 3, first_delay_ms: 1_500, max_age_s: 5_400 };
	expect(typedRetry(policy)).toEqual({ attempts: 3, delayS: 1.5, ageH: 1.5 });
	expect(untypedRetry(typedRetry(policy))).toEqual(policy);
});

test('a policy is told in a line', () => {
	expect(retryWords({ attempts_max: 5, first_delay_ms: 1, max_age_s: 86_400 })).toBe('up to 5 runs, within 24 h');
	expect(retryWords({ attempts_max: 1, first_delay_ms: 1, max_age_s: 604_800 })).toBe('up to 1 run, within 7 days');
	expect(retryWords({ attempts_max: 2, first_delay_ms: 1, max_age_s: 600 })).toBe('up to 2 runs, within 10 min');
});

test('a span is told in the unit that fits', () => {
	expect([30, 600, 3_600, 86_400, 604_800].map(spanWords)).toEqual(['30 s', '10 min', '1 h', '24 h', '7 days']);
});
