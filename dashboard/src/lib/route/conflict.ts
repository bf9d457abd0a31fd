// What the server would refuse, told while it is typed. The server decides.
import type { Schemas } from '$lib/api/client';

type Wanted = Pick<Schemas['Route'], 'host' | 'path' | 'methods'>;

/** The routes that take the same requests as `wanted`, but for the route `except`. */
export function conflictsOf(wanted: Wanted, routes: Schemas['Route'][], except?: string): Schemas['Route'][] {
	return routes.filter(
		(route) => route.id !== except && shape(route.host ?? '') === shape(wanted.host ?? '') && shape(route.path) === shape(wanted.path) && shareMethod(route.methods, wanted.methods)
	);
}

/** Whether a claim of the app covers `host`. */
export function hostIsClaimed(host: string, domains: Pick<Schemas['Domain'], 'pattern'>[]): boolean {
	const labels = host.toLowerCase().split('.');
	return domains.some(({ pattern }) => {
		const claimed = pattern.toLowerCase().split('.');
		return claimed.length === labels.length && claimed.every((label, index) => label === '*' || label.startsWith('{') || label === labels[index]);
	});
}

/** Two patterns that differ in the names of their parameters alone have one shape. */
function shape(pattern: string): string {
	return pattern.replace(/\{\*\w+\}/g, '{*}').replace(/\{\w+\}/g, '{}').replace(/^\*\./, '{}.');
}

function shareMethod(left: string[], right: string[]): boolean {
	return left.includes('*') || right.includes('*') || left.some((method) => right.includes(method));
}
