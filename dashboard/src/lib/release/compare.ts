import type { Schemas } from '$lib/api/client';

type Manifest = Schemas['ReleaseManifest'];

/** One difference between two releases. */
export interface Difference {
	kind: 'added' | 'removed' | 'changed';
	what: string;
	detail?: string;
}

/** What changes from `before` to `after`, by ids: a thing that is renamed is the same thing. */
export function compare(before: Manifest, after: Manifest): Difference[] {
	return [
		...differences(before.scripts, after.scripts, ({ name, version }) => [`script ${name}`, `version ${version}`], scriptChange),
		...differences(before.routes, after.routes, (route) => [`route ${routeText(route)}`], routeChange),
		...differences(before.domains, after.domains, ({ pattern }) => [`domain ${pattern}`], (a, b) => changed(a.pattern, b.pattern)),
		...differences(values(before), values(after), ({ id, text }) => [`value ${id}`, text], (a, b) => changed(a.text, b.text, `${a.text} → ${b.text}`)),
		...differences(before.subscriptions, after.subscriptions, ({ name }) => [`subscription ${name}`], bindingChange),
		...differences(before.schedules, after.schedules, ({ name }) => [`schedule ${name}`], bindingChange)
	];
}

/** The configuration of a release: a value is told from others by its name. */
function values({ config }: Manifest): { id: string; text: string }[] {
	return Object.entries(config).map(([id, value]) => ({ id, text: JSON.stringify(value) }));
}

function differences<T extends { id: string }>(before: T[], after: T[], tell: (item: T) => [string, string?], change: (before: T, after: T) => string | undefined): Difference[] {
	const there = new Map(before.map((item) => [item.id, item]));
	const found: Difference[] = [];
	for (const item of after) {
		const old = there.get(item.id);
		there.delete(item.id);
		const [what, detail] = tell(item);
		if (!old) found.push({ kind: 'added', what, detail });
		else {
			const how = change(old, item);
			if (how) found.push({ kind: 'changed', what, detail: how });
		}
	}
	for (const item of there.values()) found.push({ kind: 'removed', what: tell(item)[0] });
	return found;
}

function scriptChange(a: Schemas['ReleasedScript'], b: Schemas['ReleasedScript']): string | undefined {
	const parts = [
		changed(a.name, b.name, `was ${a.name}`),
		changed(String(a.version), String(b.version), `version ${a.version} → ${b.version}`),
		changed(a.description, b.description, 'description'),
		changed(JSON.stringify(a.limits), JSON.stringify(b.limits), 'limits')
	].filter(Boolean);
	return parts.length > 0 ? parts.join(', ') : undefined;
}

function routeChange(a: Schemas['ReleasedRoute'], b: Schemas['ReleasedRoute']): string | undefined {
	const parts = [
		changed(routeText(a), routeText(b)),
		changed(a.script_id, b.script_id, 'leads to another script'),
		changed(JSON.stringify(a.webhook ?? null), JSON.stringify(b.webhook ?? null), b.webhook ? `webhook ${b.webhook.preset}` : 'no webhook any more')
	].filter(Boolean);
	return parts.length > 0 ? parts.join(', ') : undefined;
}

function bindingChange(a: Schemas['ReleasedBinding'], b: Schemas['ReleasedBinding']): string | undefined {
	const parts = [
		changed(a.name, b.name),
		changed(a.script_id, b.script_id, 'starts another script'),
		changed(JSON.stringify(a.spec), JSON.stringify(b.spec), 'when and how'),
		changed(String(a.is_paused), String(b.is_paused), b.is_paused ? 'paused' : 'goes on')
	].filter(Boolean);
	return parts.length > 0 ? parts.join(', ') : undefined;
}

function routeText({ methods, host, path }: Schemas['ReleasedRoute']): string {
	return `${methods.join(' ')} ${host ?? ''}${path}`;
}

function changed(a: string, b: string, words = `was ${a}`): string | undefined {
	return a === b ? undefined : words;
}
