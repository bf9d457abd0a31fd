import type { Schemas } from '$lib/api/client';

/** What a response is shown as. */
export type Shown =
	| { as: 'nothing' }
	| { as: 'page'; html: string }
	| { as: 'picture'; url: string }
	| { as: 'text'; text: string }
	| { as: 'file'; url: string; type: string; bytes: number };

type Response = Pick<Schemas['TestResponse'], 'body' | 'body_base64' | 'headers'>;

/** How people want to see a response. */
export function shownAs({ body, body_base64: base64, headers }: Response): Shown {
	const [type = ''] = String(headers['content-type'] ?? '').toLowerCase().split(/\s*;/);
	if (base64) {
		const url = `data:${type || 'application/octet-stream'};base64,${base64}`;
		return type.startsWith('image/') ? { as: 'picture', url } : { as: 'file', url, type: type || 'no type', bytes: bytesOf(base64) };
	}
	if (!body) return { as: 'nothing' };
	if (type === 'text/html' || type === 'application/xhtml+xml') return { as: 'page', html: body };
	if (type === 'image/svg+xml') return { as: 'picture', url: `data:image/svg+xml,${encodeURIComponent(body)}` };
	return { as: 'text', text: pretty(body, type) };
}

/** A body as people read it: JSON is laid out, everything else stays. */
export function pretty(text: string, contentType: unknown): string {
	if (!/\bjson\b/i.test(String(contentType ?? ''))) return text;
	try {
		return JSON.stringify(JSON.parse(text), null, 2);
	} catch {
		return text;
	}
}

function bytesOf(base64: string): number {
	return Math.floor((base64.replace(/=+$/, '').length * 3) / 4);
}
