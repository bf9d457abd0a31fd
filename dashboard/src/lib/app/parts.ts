/** A part of a tab of an app, with a page of its own. */
export interface Part {
	/** What follows the path of the tab. */
	path: string;
	label: string;
}

/** The kinds of data, in their order. The command palette has all of them. */
export const KINDS: Part[] = [
	{ path: '', label: 'Keys' },
	{ path: '/collections', label: 'Collections' },
	{ path: '/users', label: 'Users' }
];

/** What there is about events, in its order. The command palette has all of it. */
export const OF_EVENTS: Part[] = [
	{ path: '', label: 'Subscriptions' },
	{ path: '/schedules', label: 'Schedules' },
	{ path: '/queue', label: 'Queue' },
	{ path: '/dead', label: 'Dead letters' }
];
