// What is to happen when runs end: how often what fails is tried, and who is told.
import type { Schemas } from '$lib/api/client';
import { asDestination, chosenDestination, type ChosenDestination } from './destination';
import { typedRetry, untypedRetry, type TypedRetry } from './retry';

type Outcome = Pick<Schemas['Subscription'], 'retry' | 'on_success' | 'on_failure'>;

/** It, as somebody types and chooses it. */
export interface TypedOutcome {
	retry: TypedRetry;
	onSuccess: ChosenDestination;
	onFailure: ChosenDestination;
}

/** What stands in the fields at first. */
export function typedOutcome(before?: Outcome): TypedOutcome {
	return { retry: typedRetry(before?.retry), onSuccess: chosenDestination(before?.on_success), onFailure: chosenDestination(before?.on_failure) };
}

/** As the API takes it. */
export function untypedOutcome({ retry, onSuccess, onFailure }: TypedOutcome): Pick<Schemas['CreateSubscription'], 'retry' | 'on_success' | 'on_failure'> {
	return { retry: untypedRetry(retry), on_success: asDestination(onSuccess), on_failure: asDestination(onFailure) };
}

/** The fields that the server may complain about, and that are shown with what it says. */
export const OUTCOME_FIELDS = [...['attempts_max', 'first_delay_ms', 'max_age_s'].map((field) => `retry.${field}`), ...['on_success', 'on_failure'].flatMap((field) => [field, `${field}.topic`, `${field}.script_id`])];
