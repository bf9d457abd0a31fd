/** What is wrong with one field of a request. */
export interface FieldError {
	field: string;
	message: string;
}

/** An answer that is not the one that was asked for, or none at all. */
export class ApiError extends Error {
	/** 0 if there was no answer. */
	readonly status: number;
	/** The stable word that tells what happened. */
	readonly code: string;
	/** A short name for it. */
	readonly title: string;
	/** Names the request in the server's log. */
	readonly requestId?: string;
	readonly fields: FieldError[];
	/** Everything that the problem says, such as `line` or `conflicts_with`. */
	readonly more: Record<string, unknown>;

	constructor(status: number, problem: Record<string, unknown>) {
		const text = (name: string, otherwise: string) => (typeof problem[name] === 'string' ? problem[name] : otherwise);
		super(text('detail', 'The server did not say why.'));
		this.name = 'ApiError';
		this.status = status;
		this.code = text('code', 'unknown');
		this.title = text('title', `Status ${status}`);
		this.requestId = text('request_id', '') || undefined;
		this.fields = Array.isArray(problem.errors) ? (problem.errors as FieldError[]) : [];
		this.more = problem;
	}

	/** There was no answer: the server is down, or the network is. */
	static unreachable(): ApiError {
		return new ApiError(0, {
			code: 'unreachable',
			title: 'The server does not answer',
			detail: 'Check that PiCloud is running and that this device reaches it, then try again.'
		});
	}

	/** Anything that was thrown, as one of these. */
	static from(thrown: unknown): ApiError {
		if (thrown instanceof ApiError) return thrown;
		if (thrown instanceof TypeError) return ApiError.unreachable();
		const detail = thrown instanceof Error ? thrown.message : String(thrown);
		return new ApiError(0, { code: 'dashboard_fault', title: 'The dashboard failed', detail });
	}

	/** What it says about `field`, if anything. */
	about(field: string): string | undefined {
		const found = this.fields.filter((error) => error.field === field).map((error) => sentence(error.message));
		return found.length > 0 ? found.join(' ') : undefined;
	}
}

function sentence(text: string): string {
	// One that begins with a place, such as `filter.data.total: is no condition`, names it as it is written.
	const isPlace = /^\w+[.[]\S*: /.test(text);
	const capital = isPlace ? text : text.charAt(0).toUpperCase() + text.slice(1);
	return /[.!?]$/.test(capital) ? capital : `${capital}.`;
}
