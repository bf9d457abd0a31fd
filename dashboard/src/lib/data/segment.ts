/**
 * What stands in a path for a key or an id, which may be anything. A browser takes `.` and `..` for steps, also if they are
 * escaped, so the server reads them with a `~` before them; and what would be read as that has one more.
 */
export function segment(name: string): string {
	return /^~*\.{1,2}$/.test(name) ? `~${name}` : name;
}
