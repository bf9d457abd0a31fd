import { Tail, tailUrl } from '$lib/execution/tail.svelte';
import { throttled } from '$lib/execution/throttled';

/** How often something is asked for at most while runs come in. */
const PAUSE_MS = 2_000;

/** Does something `again` whenever runs of an app end, for as long as the component is there and somebody looks at it. */
export function onRuns(app: () => string, again: () => void) {
	$effect(() => {
		const calling = throttled(again, PAUSE_MS);
		const tail = new Tail(tailUrl(app(), {}), { onruns: calling.call });
		const look = () => (document.visibilityState === 'hidden' ? tail.leave() : tail.start());
		look();
		document.addEventListener('visibilitychange', look);
		return () => {
			document.removeEventListener('visibilitychange', look);
			tail.stop();
			calling.stop();
		};
	});
}
