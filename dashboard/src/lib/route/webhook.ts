// The webhook of a route, as people type it.
import type { Schemas } from '$lib/api/client';

/** What every preset is called. */
export const PRESETS = { github: 'GitHub', stripe: 'Stripe', slack: 'Slack', standard: 'Standard Webhooks', hmac: 'another HMAC' } as const;

export type Preset = keyof typeof PRESETS;

/** What is typed. Fields that the preset does not need keep what stands in them, so that nothing is lost by looking. */
export interface WebhookDraft {
	/** Empty for none. */
	preset: '' | Preset;
	secret: string;
	tolerance: number | null;
	respond: string;
	header: string;
	prefix: string;
	algorithm: string;
	encoding: string;
	timestampHeader: string;
	idHeader: string;
}

/** The fields of a webhook that the server may complain about, and that are shown with what it says. */
export const WEBHOOK_FIELDS = ['preset', 'secret', 'tolerance_s', 'respond', 'hmac', ...['header', 'prefix', 'algorithm', 'encoding', 'timestamp_header', 'id_header'].map((field) => `hmac.${field}`)].map(
	(field) => `webhook.${field}`
);

/** What to type from. */
export function draftOf(webhook: Schemas['Webhook'] | null | undefined): WebhookDraft {
	const hmac = webhook?.hmac;
	return {
		preset: (webhook?.preset as Preset | undefined) ?? '',
		secret: webhook?.secret ?? '',
		tolerance: webhook?.tolerance_s ?? 300,
		respond: webhook?.respond ?? 'run',
		header: hmac?.header ?? '',
		prefix: hmac?.prefix ?? '',
		algorithm: hmac?.algorithm ?? 'sha256',
		encoding: hmac?.encoding ?? 'hex',
		timestampHeader: hmac?.timestamp_header ?? '',
		idHeader: hmac?.id_header ?? ''
	};
}

/** What is sent; null for a route that everybody may call. */
export function webhookOf(draft: WebhookDraft): Schemas['SetWebhook'] | null {
	if (draft.preset === '') return null;
	const webhook = {
		preset: draft.preset,
		secret: draft.secret.trim(),
		tolerance_s: draft.tolerance,
		respond: draft.respond as 'run' | 'accept'
	};
	if (draft.preset !== 'hmac') return webhook;
	return {
		...webhook,
		hmac: {
			header: draft.header.trim(),
			prefix: draft.prefix.trim(),
			algorithm: draft.algorithm as 'sha256',
			encoding: draft.encoding as 'hex',
			timestamp_header: draft.timestampHeader.trim() || null,
			id_header: draft.idHeader.trim() || null
		}
	};
}

/** Whether requests carry the moment at which they were signed. */
export function hasMoment({ preset, timestampHeader }: WebhookDraft): boolean {
	return preset === 'hmac' ? timestampHeader.trim() !== '' : preset !== 'github' && preset !== '';
}
