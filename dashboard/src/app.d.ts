import type { Schemas } from '$lib/api/client';

declare global {
	namespace App {
		interface PageData {
			/** What the browser's tab shows, before the name of the product. */
			title?: string;
			/** Where the page is below its app. */
			crumbs?: { label: string; href: string }[];
			/** Who is signed in. */
			user?: Schemas['User'];
			/** The app that the page is about. */
			app?: Schemas['App'];
		}
	}
}
