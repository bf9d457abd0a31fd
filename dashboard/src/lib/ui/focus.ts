/** Gives what has just appeared the focus: `{@attach takeFocus}`. The attribute `autofocus` does so only where nothing has it. */
export function takeFocus(control: HTMLElement) {
	control.focus();
}
