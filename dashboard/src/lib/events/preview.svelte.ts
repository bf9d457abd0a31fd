import { answer, api, type Schemas } from '$lib/api/client';
import { ApiError } from '$lib/api/problem';

/** How long somebody has stopped typing before the server is asked. */
const STILL_MS = 300;

/** When what is typed would be due, asked for whenever somebody stops typing. */
export class Preview {
	times = $state.raw<Schemas['Occurrence'][]>([]);
	error = $state.raw<ApiError>();

	/** `due` gives what is typed, as JSON: only another text is asked for. */
	constructor(app: () => string, due: () => string) {
		$effect(() => {
			const [id, text] = [app(), due()];
			const asking = new AbortController();
			const timer = setTimeout(() => void this.#ask(id, text, asking.signal), STILL_MS);
			return () => {
				clearTimeout(timer);
				asking.abort();
			};
		});
	}

	async #ask(app: string, due: string, signal: AbortSignal) {
		try {
			const body = { schedule: JSON.parse(due) as Schemas['SetDue'] };
			const { items } = await answer(api.POST('/api/v1/admin/apps/{app}/schedules:preview', { params: { path: { app } }, body, signal }));
			if (signal.aborted) return;
			this.times = items;
			this.error = undefined;
		} catch (thrown) {
			if (signal.aborted) return;
			this.times = [];
			this.error = ApiError.from(thrown);
		}
	}
}
