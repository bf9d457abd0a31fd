/** A body as people read it: JSON is laid out, everything else stays. */
export function pretty(text: string, contentType: unknown): string {
	if (!/\bjson\b/i.test(String(contentType ?? ''))) return text;
	try {
		return JSON.stringify(JSON.parse(text), null, 2);
	} catch {
		return text;
	}
}
