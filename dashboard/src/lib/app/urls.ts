import type { Schemas } from '$lib/api/client';

type Route = Pick<Schemas['Route'], 'host' | 'path'>;
type Domain = Pick<Schemas['Domain'], 'kind' | 'pattern'>;
type Here = Pick<Location, 'protocol' | 'hostname' | 'port'>;

const LOCAL = ['localhost', '127.0.0.1', '[::1]'];

/** The URL that leads to `route`, with its parameters in braces; none if no domain of the app could. */
export function routeUrl(route: Route, domains: Domain[], here: Here = location): string | undefined {
	const host = route.host ?? bestHost(domains, here);
	if (!host) return undefined;
	const port = here.port ? `:${here.port}` : '';
	return `${here.protocol}//${host}${port}${route.path}`;
}

/** The URL that runs a script whatever its routes are. */
export function executeUrl(scriptId: string, here: Pick<Location, 'origin'> = location): string {
	return `${here.origin}/api/v1/execute/${scriptId}`;
}

/** Of the claims of an app the one that whoever is here most likely reaches. */
function bestHost(domains: Domain[], here: Here): string | undefined {
	const local = LOCAL.includes(here.hostname);
	const isHere = ({ pattern }: Domain) => pattern === here.hostname || (local && pattern === 'localhost');
	if (domains.some(isHere)) return here.hostname;
	const exact = domains.find(({ kind }) => kind === 'exact');
	return (exact ?? domains[0])?.pattern;
}
