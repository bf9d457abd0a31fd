import type { Schemas } from '$lib/api/client';

/** Indexes as somebody would type them. */
export function indexLines(indexes: Schemas['Index'][]): string {
	return indexes.map(({ path, unique }) => (unique ? `${path} unique` : path)).join('\n');
}

/** Indexes as somebody types them: one on each line, `unique` behind those that are. */
export function readIndexes(text: string): Schemas['NewIndex'][] {
	return text
		.split('\n')
		.map((line) => line.trim())
		.filter(Boolean)
		.map((line) => {
			const unique = /\s+unique$/i.exec(line);
			return unique ? { path: line.slice(0, unique.index), unique: true } : { path: line, unique: false };
		});
}
