// Finishes the built page. Its inline script moves into a file of its own, so that the policy needs no exception for it,
// with the choice of the theme in front, so that a page never flashes in the wrong one. And it names all that the list of
// apps needs, where most people begin, so that nothing of it waits until something else has told of it.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

const out = process.env.PICLOUD_DASHBOARD_OUT ?? 'dist';
const theme = readFileSync('src/lib/design/boot-theme.js', 'utf8');
const page = readFileSync(`${out}/index.html`, 'utf8');

const [found, ...more] = page.matchAll(/<script>([\s\S]*?)<\/script>/g);
if (!found || more.length > 0) throw new Error(`expected one inline script in index.html:\n${page}`);
const [tag, inline = ''] = found;

const boot = `${theme.trim()}\n${inline.replace(/^\t+/gm, '').trim()}\n`;
const hash = createHash('sha256').update(boot).digest('hex').slice(0, 10);
const path = `_app/immutable/boot.${hash}.js`;
writeFileSync(`${out}/${path}`, boot);
writeFileSync(`${out}/index.html`, page.replace(tag, () => `<script src="/admin/${path}"></script>`).replace('</head>', () => `${links().join('')}</head>`));

/** Links to the files of the list of apps that the page does not name yet. */
function links() {
	const nodes = '.svelte-kit/generated/client-optimized/nodes';
	const routes = ['+error.svelte', '(in)/+layout.svelte', '(in)/+error.svelte', '(in)/apps/+page.svelte'];
	const manifest = JSON.parse(readFileSync('.svelte-kit/output/client/.vite/manifest.json', 'utf8'));
	/** @type {Set<string>} */
	const needed = new Set();
	const need = (/** @type {string} */ name) => {
		const { file, imports = [], css = [] } = manifest[name];
		for (const one of [file, ...css]) needed.add(one);
		for (const one of imports) need(one);
	};
	const entries = readdirSync(nodes).filter((node) => routes.some((route) => readFileSync(`${nodes}/${node}`, 'utf8').includes(`/src/routes/${route}"`)));
	if (entries.length !== routes.length) throw new Error(`expected the nodes of ${routes}, found ${entries}`);
	for (const node of entries) need(`${nodes}/${node}`);
	return [...needed]
		.filter((file) => !page.includes(file))
		.map((file) => `\t<link href="/admin/${file}" rel="${file.endsWith('.css') ? 'stylesheet' : 'modulepreload'}">\n\t`);
}
