/** A kind of data of an app, with a page of its own. */
export interface Kind {
	/** What follows `/admin/apps/{slug}/data`. */
	path: string;
	label: string;
}

/** The kinds, in their order. The command palette has all of them. */
export const KINDS: Kind[] = [
	{ path: '', label: 'Keys' },
	{ path: '/collections', label: 'Collections' },
	{ path: '/users', label: 'Users' }
];
