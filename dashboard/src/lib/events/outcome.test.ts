import { expect, test } from 'vitest';
import { OUTCOME_FIELDS, typedOutcome, untypedOutcome } from './outcome';

test('what is set is sent back as it is', () => {
	const before = { retry: { attempts_max: 3, first_delay_ms: 1_500, max_age_s: 7_200 }, on_success: { script_id: 'a', topic: null }, on_failure: { script_id: null, topic: 'orders.failed' } };
	expect(untypedOutcome(typedOutcome(before))).toEqual({ retry: before.retry, on_success: { script_id: 'a' }, on_failure: { topic: 'orders.failed' } });
});

test('nobody is told unless somebody is chosen', () => {
	expect(untypedOutcome(typedOutcome())).toMatchObject({ on_success: null, on_failure: null });
});

test('the server is heard about each field of it', () => {
	expect(OUTCOME_FIELDS).toEqual(['retry.attempts_max', 'retry.first_delay_ms', 'retry.max_age_s', 'on_success', 'on_success.topic', 'on_success.script_id', 'on_failure', 'on_failure.topic', 'on_failure.script_id']);
});
