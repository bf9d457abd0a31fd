/** Does `work` at once, and then at most once in `ms`: for what came in between once more at the end. */
export function throttled(work: () => void, ms: number) {
	let until = 0;
	let timer: ReturnType<typeof setTimeout> | undefined;
	const now = () => {
		timer = undefined;
		until = Date.now() + ms;
		work();
	};
	return {
		call() {
			if (timer) return;
			const wait = until - Date.now();
			if (wait <= 0) now();
			else timer = setTimeout(now, wait);
		},
		stop() {
			clearTimeout(timer);
			timer = undefined;
		}
	};
}
