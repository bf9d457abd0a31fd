import { base } from '$app/paths';
import { all, api, type Schemas } from '$lib/api/client';
import { KINDS, OF_EVENTS } from '$lib/app/parts';
import { atLeast } from '$lib/app/roles';
import { APP_TABS } from '$lib/app/tabs';
import { theme } from '$lib/design/theme.svelte';
import { managesPeople } from '$lib/people/ranks';
import { overlays } from './overlays.svelte';
import { placesFor } from './places';

/** Something that the palette offers. */
export interface Entry {
	/** Tells it from all others. */
	key: string;
	group: string;
	label: string;
	detail?: string;
	href?: string;
	run?: () => void;
}

/** All that `user` can go to or do from within `app`. */
export async function loadEntries(user?: Schemas['User'], app?: Schemas['App']): Promise<Entry[]> {
	const [apps, inApp] = await Promise.all([
		all((cursor) => api.GET('/api/v1/admin/apps', { params: { query: { limit: 200, cursor } } })),
		app ? entriesOf(app) : []
	]);
	const places = placesFor(user?.instance_role).map(({ path, label }) => ({ key: `place ${path}`, group: 'Instance', label, href: base + path }));
	const toApps = apps.map(({ slug, name }) => ({ key: `app ${slug}`, group: 'Apps', label: name, detail: slug, href: `${base}/apps/${slug}` }));
	return [...inApp, ...toApps, ...places, ...(managesPeople(user?.instance_role) ? MANAGING : []), ...ACTIONS];
}

/** What only owners and admins do. */
const MANAGING: Entry[] = [
	{ key: 'new app', group: 'Actions', label: 'New app', href: `${base}/apps?new` },
	{ key: 'invite', group: 'Actions', label: 'Invite somebody', href: `${base}/admins?invite` },
	{ key: 'new account', group: 'Actions', label: 'New account', href: `${base}/admins?new` }
];

const ACTIONS: Entry[] = [
	{ key: 'theme light', group: 'Actions', label: 'Light theme', run: () => theme.choose('light') },
	{ key: 'theme dark', group: 'Actions', label: 'Dark theme', run: () => theme.choose('dark') },
	{ key: 'theme system', group: 'Actions', label: 'Theme as the system has it', run: () => theme.choose('system') },
	{ key: 'keys', group: 'Actions', label: 'Keyboard shortcuts', run: () => (overlays.open = 'keys') }
];

async function entriesOf(app: Schemas['App']): Promise<Entry[]> {
	const at = `${base}/apps/${app.slug}`;
	const query = { app: app.id, limit: 200 };
	const [scripts, routes] = await Promise.all([
		all((cursor) => api.GET('/api/v1/admin/scripts', { params: { query: { ...query, cursor } } })),
		all((cursor) => api.GET('/api/v1/admin/routes', { params: { query: { ...query, cursor } } }))
	]);
	const names = new Map(scripts.map(({ id, name }) => [id, name]));
	const tabs = APP_TABS.filter((tab) => atLeast(app.my_role, tab.needs));
	const actions: Entry[] = atLeast(app.my_role, 'editor') ? [{ key: 'new script', group: 'Actions', label: 'New script', href: `${at}/scripts?new` }] : [];
	return [
		...scripts.map(({ name, description }) => ({ key: `script ${name}`, group: 'Scripts', label: name, detail: description, href: `${at}/scripts/${name}` })),
		...routes.map((route) => ({
			key: `route ${route.id}`,
			group: 'Routes',
			label: `${route.methods.join(' ')} ${route.host ?? ''}${route.path}`,
			detail: names.get(route.script_id),
			href: `${at}/routes`
		})),
		...tabs.map(({ path, label }) => ({ key: `tab ${label}`, group: app.name, label, href: at + path })),
		...OF_EVENTS.map(({ path, label }) => ({ key: `events ${label}`, group: app.name, label, href: `${at}/events${path}` })),
		...KINDS.map(({ path, label }) => ({ key: `kind ${label}`, group: app.name, label, href: `${at}/data${path}` })),
		...actions
	];
}
