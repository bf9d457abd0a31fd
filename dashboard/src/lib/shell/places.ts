/** A page of the whole instance. */
export interface Place {
	/** What follows `/admin`. */
	path: string;
	label: string;
	/** Which instance roles see it; all if there are none. */
	roles?: string[];
	/** Where it is shown: in the bar at the top, or in the menu of the user. */
	in: 'bar' | 'menu';
}

/** The pages of the instance, in their order. The command palette has all of them. */
export const PLACES: Place[] = [
	{ path: '/apps', label: 'Apps', in: 'bar' },
	{ path: '/admins', label: 'People', roles: ['owner', 'admin'], in: 'bar' },
	{ path: '/audit', label: 'Audit log', roles: ['owner', 'admin'], in: 'bar' },
	{ path: '/account', label: 'My account', in: 'menu' }
];

/** The places that somebody with `role` sees. */
export function placesFor(role: string | undefined): Place[] {
	return PLACES.filter((place) => !place.roles || (role !== undefined && place.roles.includes(role)));
}
