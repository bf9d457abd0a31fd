import type { Schemas } from '$lib/api/client';

type Due = Schemas['Due'];

/** When a schedule is due, as somebody types it. */
export interface TypedDue {
	kind: 'cron' | 'every' | 'at';
	pattern: string;
	zone: string;
	/** How many of `unit`. */
	every: number;
	unit: Unit;
	anchor: string;
	/** A moment by the clock of whoever types. */
	at: string;
}

export type Unit = 'seconds' | 'minutes' | 'hours' | 'days';
export const UNITS: Record<Unit, number> = { seconds: 1, minutes: 60, hours: 3_600, days: 86_400 };

/** Where the reader is. */
export const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';

/** What a form begins with. */
export function typed(due?: Due): TypedDue {
	const begin: TypedDue = { kind: 'cron', pattern: '0 9 * * MON-FRI', zone: HERE, every: 15, unit: 'minutes', anchor: '', at: '' };
	if (!due) return begin;
	const kind = due.kind as TypedDue['kind'];
	if (kind === 'every') return { ...begin, kind, ...inUnits(due.seconds ?? 60), anchor: due.anchor ?? '' };
	if (kind === 'at') return { ...begin, kind, at: due.at ? localInput(new Date(due.at)) : '' };
	return { ...begin, kind, pattern: due.pattern ?? '', zone: due.zone ?? 'UTC' };
}

/** What was typed, as the API takes it. */
export function untyped({ kind, pattern, zone, every, unit, anchor, at }: TypedDue): Schemas['SetDue'] {
	if (kind === 'every') return { kind, seconds: Math.round(every * UNITS[unit]), ...(anchor && { anchor }) };
	if (kind === 'at') {
		const moment = new Date(at);
		return { kind, at: Number.isNaN(moment.getTime()) ? at : moment.toISOString() };
	}
	return { kind, pattern: pattern.trim(), zone: zone.trim() || 'UTC' };
}

/** In words: "30 3 * * * in Europe/Rome". */
export function dueWords(due: Due): string {
	if (due.kind === 'every') {
		const { every, unit } = inUnits(due.seconds ?? 0);
		return every === 1 ? `every ${unit.slice(0, -1)}` : `every ${every} ${unit}`;
	}
	if (due.kind === 'at') return 'once';
	return `${due.pattern} in ${due.zone}`;
}

/** A moment by the clock of a zone; by that of UTC if the browser knows no such zone. With seconds, if it is to be that `fine`. */
export function inZone(at: string, zone: string, fine = false): string {
	const second = fine ? ('2-digit' as const) : undefined;
	const format = (timeZone: string) => new Intl.DateTimeFormat('en', { weekday: 'short', month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', second, hourCycle: 'h23', timeZone }).format(new Date(at));
	try {
		return format(zone);
	} catch {
		return `${format('UTC')} UTC`;
	}
}

/** Whether some of these moments are told apart by their seconds. */
export function areFine(moments: string[]): boolean {
	return moments.some((at) => new Date(at).getTime() % 60_000 !== 0);
}

/** Names of time zones that the browser knows. */
export function zones(): string[] {
	const known = typeof Intl.supportedValuesOf === 'function' ? Intl.supportedValuesOf('timeZone') : [];
	return ['UTC', ...known.filter((zone) => zone !== 'UTC')];
}

/** The largest unit of which it is a whole number. */
function inUnits(seconds: number): { every: number; unit: Unit } {
	const units = Object.keys(UNITS) as Unit[];
	const unit = units.findLast((unit) => seconds > 0 && seconds % UNITS[unit] === 0) ?? 'seconds';
	return { every: seconds / UNITS[unit], unit };
}

/** As a field of the kind `datetime-local` takes it. */
function localInput(at: Date): string {
	const local = new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
	return local.toISOString().slice(0, 16);
}
