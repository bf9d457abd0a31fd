import type { AppRole } from './roles';

/** A tab of an app's page. */
export interface AppTab {
	/** What follows `/admin/apps/{slug}`. */
	path: string;
	label: string;
	/** Who sees it: callers whose `my_role` is at least this. */
	needs: AppRole;
}

/** The tabs of an app, in their order. A page under `routes/(in)/apps/[app]/` becomes a tab by a line here. */
export const APP_TABS: AppTab[] = [
	{ path: '', label: 'Overview', needs: 'viewer' },
	{ path: '/scripts', label: 'Scripts', needs: 'viewer' },
	{ path: '/routes', label: 'Routes', needs: 'viewer' },
	{ path: '/executions', label: 'Executions', needs: 'viewer' },
	{ path: '/events', label: 'Events', needs: 'viewer' },
	{ path: '/data', label: 'Data', needs: 'viewer' },
	{ path: '/configuration', label: 'Configuration', needs: 'viewer' },
	{ path: '/releases', label: 'Releases', needs: 'viewer' },
	{ path: '/domains', label: 'Domains', needs: 'viewer' },
	{ path: '/members', label: 'Members', needs: 'app_admin' },
	{ path: '/settings', label: 'Settings', needs: 'viewer' },
	{ path: '/audit', label: 'Audit log', needs: 'app_admin' }
];
