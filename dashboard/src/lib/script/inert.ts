/** A page that a script answered with, made so that it can only be looked at. */
export interface InertPage {
	markup: string;
	/** Its style sheets, which the policy forbids within the markup. */
	styles: string[];
}

/** What loads, runs, leads elsewhere or acts. */
const REMOVED = 'script, link, meta, base, iframe, frame, frameset, object, embed, portal, template, noscript';
const DROPPED = ['href', 'xlink:href', 'action', 'formaction', 'ping', 'srcset', 'background', 'poster', 'autofocus', 'autoplay'];
const BODY = 'inert-body';
/** Where the style of an element waits until it is applied; as an attribute the policy forbids it. */
const STYLE = 'data-inert-style';

/** Takes everything out of `html` but what it looks like. */
export function inert(html: string): InertPage {
	const template = document.createElement('template');
	template.innerHTML = renamed(html);
	const page = template.content;
	for (const element of page.querySelectorAll(REMOVED)) element.remove();
	const styles: string[] = [];
	for (const element of page.querySelectorAll('style')) {
		styles.push(element.textContent);
		element.remove();
	}
	for (const element of page.querySelectorAll('*')) tame(element);
	return { markup: `<!doctype html>${template.innerHTML.replaceAll(`<${BODY}`, '<body').replaceAll(`</${BODY}`, '</body')}`, styles };
}

/**
 * What the policy forbids gets another name before it is parsed, or the browser complains of each; and templates have no
 * body. This is for quiet alone: what is parsed is looked through again.
 */
function renamed(html: string): string {
	return html
		.replace(/<[a-z](?:"[^"]*"|'[^']*'|[^'">])*>/gi, (tag) => tag.replace(/([\s"'/])(style|on[a-z]+)(\s*=)/gi, (_, before, name, is) => before + (name.toLowerCase() === 'style' ? STYLE : 'data-inert') + is))
		.replace(/(<\/?)body\b/gi, `$1${BODY}`);
}

/** Gives the shown page its styles back. */
export function applyStyles(page: Document, styles: string[]) {
	const Sheet = page.defaultView?.CSSStyleSheet;
	if (Sheet) {
		page.adoptedStyleSheets = styles.map((text) => {
			const sheet = new Sheet();
			sheet.replaceSync(text);
			return sheet;
		});
	}
	for (const element of page.querySelectorAll<HTMLElement>(`[${STYLE}]`)) element.style.cssText = element.getAttribute(STYLE) ?? '';
}

function tame(element: Element) {
	for (const { name, value } of [...element.attributes]) {
		const source = name === 'src' && !/^data:image\//i.test(value.trim());
		if (name.startsWith('on') || DROPPED.includes(name) || source) element.removeAttribute(name);
		if (name === 'style') {
			element.removeAttribute(name);
			element.setAttribute(STYLE, value);
		}
	}
}
