import type { Schemas } from '$lib/api/client';

type AuditRecord = Schemas['AuditRecord'];

/** An action in words: `create_script` is "create script". */
export function actionName(action: string): string {
	return action.replaceAll('_', ' ');
}

/** Who did it, in words. */
export function actorName({ actor }: Pick<AuditRecord, 'actor'>): string {
	if (actor.username) return actor.username;
	if (actor.via === 'console') return 'a command on the machine';
	if (actor.via === 'server') return 'the server';
	return 'somebody unknown';
}

/** How they came in, in words. */
export function viaName(via: string): string {
	const names: Record<string, string> = {
		session: 'a session',
		token: 'an API token',
		entrance: 'before signing in',
		console: 'a command on the machine',
		server: 'the server itself'
	};
	return names[via] ?? via;
}

/** To what it was done, in words. What kind of thing it is goes without saying if the action names it. */
export function targetName({ action, target }: Pick<AuditRecord, 'action' | 'target'>): string {
	const name = target.name ?? target.id ?? '';
	const kind = action.split('_').includes(target.kind) && name ? '' : actionName(target.kind);
	return `${kind} ${name}`.trim();
}

/** A record in one line. */
export function summary(record: Pick<AuditRecord, 'action' | 'target'>): string {
	const text = `${actionName(record.action)} ${targetName(record)}`;
	return text.charAt(0).toUpperCase() + text.slice(1);
}

/** What a look at the whole log found wrong. */
export function faultName({ chain, sequence, fault }: Schemas['AuditFault']): string {
	const words: Record<string, string> = { missing: 'is missing', altered: 'was altered', added: 'was put in afterwards' };
	return `Record ${sequence.toLocaleString('en')} of ${chain} ${words[fault] ?? fault}.`;
}
