/** The roles within an app, from least to most. */
export const APP_ROLES = ['viewer', 'editor', 'app_admin'] as const;

export type AppRole = (typeof APP_ROLES)[number];

/** Whether somebody whose role in an app is `mine` may do what needs `needed`. */
export function atLeast(mine: string | undefined, needed: AppRole): boolean {
	return APP_ROLES.indexOf(mine as AppRole) >= APP_ROLES.indexOf(needed);
}

/** A role in words. */
export function roleName(role: string): string {
	return role.replace('_', ' ');
}

/** Why something cannot be done. */
export function needsRole(needed: AppRole): string {
	return `This needs the role ${roleName(needed)} in this app. An app admin can give it to you.`;
}
