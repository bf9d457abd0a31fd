/** What somebody has written but not saved, kept in the browser. */
export interface Draft {
	source: string;
	/** The version that it began with. */
	version: number;
}

const key = (scriptId: string) => `picloud.draft.${scriptId}`;

/** What was kept for a script, if anything. */
export function loadDraft(scriptId: string): Draft | undefined {
	try {
		const draft: unknown = JSON.parse(localStorage.getItem(key(scriptId)) ?? 'null');
		return isDraft(draft) ? draft : undefined;
	} catch {
		return undefined;
	}
}

/** Keeps a draft; nothing instead if there is none. */
export function keepDraft(scriptId: string, draft: Draft | undefined) {
	try {
		if (draft) localStorage.setItem(key(scriptId), JSON.stringify(draft));
		else localStorage.removeItem(key(scriptId));
	} catch {
		// Storage is full or forbidden: the draft lives as long as the page.
	}
}

function isDraft(value: unknown): value is Draft {
	return typeof value === 'object' && value !== null && 'source' in value && typeof value.source === 'string' && 'version' in value && typeof value.version === 'number';
}
