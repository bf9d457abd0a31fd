// The time as the page tells it. Nothing ticks: it goes on when something new is shown.

let current = $state.raw(new Date());

export const now = {
	get at(): Date {
		return current;
	},
	/** Something new is shown: what is told relative to now is told anew. */
	goOn() {
		current = new Date();
	}
};
