/** A short message that goes away by itself, unless it says that something failed. */
export interface Toast {
	id: number;
	tone: 'ok' | 'bad';
	text: string;
}

/** How long a good message stays. */
const SHOWN_MS = 5_000;
/** Of more than this many, the oldest go. */
const SHOWN_MAX = 4;

class Toasts {
	items = $state<Toast[]>([]);
	#next = 1;

	ok(text: string) {
		const id = this.#add('ok', text);
		setTimeout(() => this.dismiss(id), SHOWN_MS);
	}

	bad(text: string) {
		this.#add('bad', text);
	}

	dismiss(id: number) {
		this.items = this.items.filter((toast) => toast.id !== id);
	}

	#add(tone: Toast['tone'], text: string): number {
		const id = this.#next++;
		// The same again takes the place of what is there.
		const others = this.items.filter((toast) => toast.text !== text);
		this.items = [...others, { id, tone, text }].slice(-SHOWN_MAX);
		return id;
	}
}

export const toasts = new Toasts();
