/** What lies over the page, if anything: the command palette or the list of keys. */
class Overlays {
	open = $state<'palette' | 'keys' | undefined>();
}

export const overlays = new Overlays();
