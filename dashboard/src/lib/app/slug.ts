/** The longest slug that the server takes. */
const SLUG_CHARS_MAX = 63;

/** The slug that a name suggests: "Web shop" is `web-shop`. */
export function slugOf(name: string): string {
	return name
		.normalize('NFKD')
		.replace(/\p{Mark}/gu, '')
		.toLowerCase()
		.replace(/[^a-z0-9]+/g, '-')
		.slice(0, SLUG_CHARS_MAX)
		.replace(/^-+|-+$/g, '');
}
