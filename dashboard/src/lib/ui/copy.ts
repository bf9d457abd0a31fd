/** Puts `text` on the clipboard. Without HTTPS browsers have no clipboard to write to, only the old way. */
export async function copyText(text: string): Promise<void> {
	if (navigator.clipboard) return navigator.clipboard.writeText(text);
	const area = document.createElement('textarea');
	area.value = text;
	// In a dialog only what is in it can have the focus.
	(document.activeElement?.closest('[role="dialog"]') ?? document.body).append(area);
	area.select();
	const done = document.execCommand('copy');
	area.remove();
	if (!done) throw new Error('not allowed');
}
