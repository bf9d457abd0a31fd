// What people type about a mail server, and what is sent of it.
import type { Schemas } from '$lib/api/client';

type Security = Schemas['PutSmtp']['security'];

export interface SmtpForm {
	host: string;
	port: string;
	security: Security;
	username: string;
	password: string;
	/** One on each line. */
	from: string;
}

/** What stands in the fields at first. No password: the server gives none out. */
export function form(own: Schemas['SmtpServer'] | null): SmtpForm {
	return {
		host: own?.host ?? '',
		port: own ? String(own.port) : '',
		security: (own?.security ?? 'starttls') as Security,
		username: own?.username ?? '',
		password: '',
		from: (own?.from ?? []).join('\n')
	};
}

const USUAL_PORTS: Record<Security, number> = { tls: 465, starttls: 587, none: 25 };

function port({ port, security }: SmtpForm): number {
	return port.trim() ? Number(port) : USUAL_PORTS[security];
}

/** Whether somebody signs in where no password is set for yet: it has to be typed. */
export function goesElsewhere(typed: SmtpForm, own: Schemas['SmtpServer'] | null): boolean {
	const username = typed.username.trim();
	if (!username) return false;
	return !own || own.host !== typed.host.trim().toLowerCase() || own.port !== port(typed) || own.security !== typed.security || own.username !== username;
}

/** What is sent. */
export function body(typed: SmtpForm): Schemas['PutSmtp'] {
	return {
		host: typed.host.trim(),
		port: port(typed),
		security: typed.security,
		username: typed.username.trim() || null,
		password: typed.password || null,
		from: typed.from
			.split('\n')
			.map((line) => line.trim())
			.filter(Boolean)
	};
}
