// Moves the inline script of the built page into a file of its own, so that the policy needs no exception for it, and
// puts the choice of the theme in front, so that a page never flashes in the wrong one.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';

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
writeFileSync(`${out}/index.html`, page.replace(tag, () => `<script src="/admin/${path}"></script>`));
