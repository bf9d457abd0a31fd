// A page of one file: everything is made in the browser.
export const ssr = false;
export const prerender = false;
