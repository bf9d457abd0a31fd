/** What a new script begins with. */
export const STARTER = `// What the script ends with is its answer. A text is sent as it is, a map becomes JSON.
let name = request.query.name ?? "World";

#{ greeting: "Hello, " + name + "!" }
`;

/** The command that makes a first script in the app `slug` of the instance at `origin`. */
export function firstScriptCurl(origin: string, slug: string): string {
	const body = JSON.stringify({ app_id: slug, name: 'hello', source: '"Hello, " + (request.query.name ?? "World") + "!"' });
	return [
		`curl -s ${origin}/api/v1/admin/scripts \\`,
		'  -H "authorization: Bearer $TOKEN" -H "content-type: application/json" \\',
		`  -d '${body}'`
	].join('\n');
}
