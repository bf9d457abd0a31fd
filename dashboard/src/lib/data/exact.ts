// JSON as it is. Scripts tell 1 from 1.0 and count further than a number of JavaScript can; what is read and written back
// here must not come back as something else.
import { answer, type Answered } from '$lib/api/client';

interface Json {
	parse(text: string, reviver: (key: string, value: unknown, context?: { source?: string }) => unknown): unknown;
	/** What `stringify` writes as it is given. Browsers from before 2025 may lack it. */
	rawJSON?: (source: string) => unknown;
}
const json = JSON as unknown as Json;

/** Reads JSON, and keeps each number as it was written. */
export function parseExact(text: string): unknown {
	return json.parse(text, (_, value, context) => {
		const source = context?.source;
		const changes = typeof value === 'number' && source !== undefined && String(value) !== source;
		return changes && json.rawJSON ? json.rawJSON(source) : value;
	});
}

/** The body of a good answer that was asked for as a text, read as it is. */
export async function exactly<T>(call: Promise<Answered<string>>): Promise<T> {
	return parseExact(await answer(call)) as T;
}

/** A value over several lines, as somebody edits it. */
export function pretty(value: unknown): string {
	return JSON.stringify(value, undefined, 2) ?? '';
}

/** A text over several lines, if it is JSON; else as it is. */
export function tidy(text: string): string {
	return fault(text) === undefined ? pretty(parseExact(text)) : text;
}

/** The longest preview. */
const PREVIEW_CHARS = 160;

/** A value in one line, which may end early. */
export function preview(value: unknown): string {
	const text = JSON.stringify(value) ?? '';
	return text.length > PREVIEW_CHARS ? `${text.slice(0, PREVIEW_CHARS)}…` : text;
}

/** What is wrong with a text that should be JSON, with its place. */
export function fault(text: string): string | undefined {
	if (text.trim() === '') return 'A value is missing. A text stands in quotes: "like this".';
	try {
		JSON.parse(text);
		return undefined;
	} catch (thrown) {
		const message = thrown instanceof Error ? thrown.message : String(thrown);
		const at = /at position (\d+)/.exec(message)?.[1];
		const what = message.replace(/,? ?(in JSON )?at position \d+.*$/s, '').replace(/, "[^]*" is not valid JSON$/, '');
		if (at === undefined) return `This is no JSON: ${what}.`;
		const before = text.slice(0, Number(at)).split('\n');
		return `Line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}: ${what}.`;
	}
}
