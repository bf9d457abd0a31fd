// @vitest-environment jsdom
import { expect, test } from 'vitest';
import { inert } from './inert';

const page = (html: string) => new DOMParser().parseFromString(inert(html).markup, 'text/html');

test('nothing that runs, loads or leads elsewhere is left', () => {
	const { body, head } = page(`
		<meta http-equiv="refresh" content="0"><link rel="stylesheet" href="/x.css"><base href="//elsewhere.test">
		<p onclick="x()">text</p><script>x()</script><iframe src="/"></iframe>
		<a href="javascript:x()">link</a><form action="/x"><button formaction="/y">send</button></form>
		<img src="https://elsewhere.test/x.png" alt="a picture"><img src="data:image/png;base64,aGk=" alt="inline">
		<svg><a xlink:href="/x"><script>x()</script></a></svg>`);
	expect(head.children).toHaveLength(0);
	expect(body.textContent).toContain('text');
	expect(body.querySelector('script, iframe, [onclick], [href], [action], [formaction]')).toBeNull();
	expect([...body.querySelectorAll('img')].map((image) => image.getAttribute('src'))).toEqual([null, 'data:image/png;base64,aGk=']);
	expect(body.innerHTML).not.toContain('xlink');
});

test('the body keeps its looks and loses the rest', () => {
	const { body } = page('<html><head><title>x</title></head><body class="dark" onload="x()"><p>text</p></body></html>');
	expect(body.className).toBe('dark');
	expect(body.hasAttribute('onload')).toBe(false);
	expect(body.querySelector('p')?.textContent).toBe('text');
});

test('styles are kept beside the markup', () => {
	const { markup, styles } = inert('<style>p { color: red }</style><p style="margin: 0">x</p>');
	expect(styles).toEqual(['p { color: red }']);
	expect(markup).not.toMatch(/<style| style=/);
	expect(markup).toContain('margin: 0');
});
