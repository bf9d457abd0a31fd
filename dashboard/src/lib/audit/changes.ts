/** One thing that a record says has changed. */
export interface Change {
	/** Where it is, such as `limits.timeout_ms`. */
	field: string;
	before?: string;
	after?: string;
}

type Value = Record<string, unknown> | null | undefined;

/** What differs between the two states of a record, field by field. What stayed as it was is left out. */
export function changes(before: Value, after: Value): Change[] {
	const old = flat(before);
	const now = flat(after);
	const fields = [...new Set([...old.keys(), ...now.keys()])];
	return fields.map((field) => ({ field, before: old.get(field), after: now.get(field) })).filter((change) => change.before !== change.after);
}

/** All values that are not objects themselves, as text, under their paths. */
function flat(value: Value): Map<string, string> {
	const found = new Map<string, string>();
	const walk = (inside: Record<string, unknown>, path: string) => {
		for (const [name, one] of Object.entries(inside)) {
			const at = path ? `${path}.${name}` : name;
			if (isObject(one) && Object.keys(one).length > 0) walk(one, at);
			else found.set(at, typeof one === 'string' ? one : JSON.stringify(one));
		}
	};
	if (isObject(value)) walk(value, '');
	return found;
}

function isObject(value: unknown): value is Record<string, unknown> {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}
