/** The roles on the instance, from least to most. */
export const INSTANCE_ROLES = ['member', 'admin', 'owner'] as const;

export type InstanceRole = (typeof INSTANCE_ROLES)[number];

const rank = (role: string | undefined) => INSTANCE_ROLES.indexOf(role as InstanceRole);

/** Whether somebody with the role `mine` manages people at all. */
export function managesPeople(mine: string | undefined): boolean {
	return rank(mine) >= rank('admin');
}

/** The roles that somebody with the role `mine` gives: none above their own. */
export function rolesToGive(mine: string | undefined): InstanceRole[] {
	return managesPeople(mine) ? INSTANCE_ROLES.filter((role) => rank(role) <= rank(mine)) : [];
}

/** Whether somebody with the role `mine` changes accounts with the role `theirs`. */
export function mayChange(mine: string | undefined, theirs: string): boolean {
	return managesPeople(mine) && rank(theirs) <= rank(mine);
}

/** Whether `to` may do less than `from`. */
export function isLower(to: string, from: string): boolean {
	return rank(to) < rank(from);
}

/** What a role is for, in one line. */
export const MEANING: Record<InstanceRole, string> = {
	member: 'Sees only the apps in which somebody made them a member.',
	admin: 'Manages people below owner, and edits in every app.',
	owner: 'May do everything, in every app.'
};

/** How the chip of a role looks. */
export const TONES: Record<string, 'accent' | 'info' | 'neutral'> = { owner: 'accent', admin: 'info', member: 'neutral' };
