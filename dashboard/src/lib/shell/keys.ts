const apple = /Mac|iPhone|iPad/.test(globalThis.navigator?.platform ?? '');

/** The key that commands are given with on this machine. */
export const modifier = apple ? '⌘' : 'Ctrl';

/** Whether `event` is `key` with that modifier, and no other. */
export function isCommand(event: KeyboardEvent, key: string): boolean {
	const held = apple ? event.metaKey && !event.ctrlKey : event.ctrlKey && !event.metaKey;
	return held && !event.altKey && event.key.toLowerCase() === key;
}

/** Whether what is typed goes into a text. */
export function isTyping(event: KeyboardEvent): boolean {
	const target = event.target;
	return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}
