import { expect, test } from 'vitest';
import { after, tree, type Link } from './chain';

const at = (second: number) => `2026-03-01T12:00:0${second}Z`;
const run = (id: string, second: number, of?: string) => ({ id, script_name: `s-${id}`, started_at: at(second), request: { method: 'GET', path: `/${id}` }, delivery: of ? { id: of, attempt: 1, root_id: 'r', events: 1 } : null });
const event = (id: string, second: number, cause_id: string | null, topic: string | null = id) => ({ id, topic, source: '/test', subject: null, time: at(second), cause_id, depth: 0 });
const delivery = (id: string, second: number, event_id: string) => ({ id, event_id, script_id: id, accepted_at: at(second), topic: event_id, origin: 'subscription', state: 'done' });
const chain = (parts: { events?: unknown[]; deliveries?: unknown[]; executions?: unknown[] }) => tree({ root_id: 'r', events: [], deliveries: [], executions: [], is_cut: false, ...parts } as never, new Map([['d1', 'mail']]));
/** Ids, with what follows in brackets. */
const shape = (links: Link[]): string => links.map(({ id, effects }) => (effects.length > 0 ? `${id}[${shape(effects)}]` : id)).join(' ');

test('each follows from its cause, the earlier first', () => {
	const links = chain({
		events: [event('e2', 5, 'x1'), event('e1', 2, 'r')],
		deliveries: [delivery('d2', 4, 'e1'), delivery('d1', 3, 'e1'), delivery('d3', 6, 'e2')],
		executions: [run('r', 1), run('x1', 4, 'd1'), run('x0', 3, 'd1'), run('x2', 7, 'd2')]
	});
	expect(shape(links)).toBe('r[e1[d1[x0 x1[e2[d3]]] d2[x2]]]');
	expect(links[0]).toMatchObject({ kind: 'request', title: 'GET /r' });
	expect(links[0]!.effects[0]!.effects[0]).toMatchObject({ kind: 'delivery', title: 'to mail' });
	expect(links[0]!.effects[0]!.effects[1]!.title).toBe('to a script that is gone');
});

test('an event from outside begins a chain', () => {
	expect(shape(chain({ events: [event('r', 1, null)], deliveries: [delivery('d1', 1, 'r')], executions: [run('x', 2, 'd1')] }))).toBe('r[d1[x]]');
});

test('what is not kept is said once, where others follow from it', () => {
	const links = chain({ events: [event('e1', 2, 'r'), event('e2', 3, 'r')], deliveries: [delivery('d1', 2, 'e1'), delivery('d2', 3, 'e2')], executions: [run('x', 3, 'gone'), run('y', 4, 'gone')] });
	expect(shape(links)).toBe('r[e1[d1] e2[d2]] gone[x y]');
	expect(links.map(({ kind }) => kind)).toEqual(['missing', 'missing']);
});

test('what ran together with others leads to the run that they share', () => {
	const together = (id: string, execution_id: string) => ({ ...delivery(id, 2, 'r'), execution_id });
	const links = chain({ events: [event('r', 1, null)], deliveries: [together('d1', 'x'), together('d2', 'x'), together('d3', 'y')], executions: [run('x', 3, 'd1')] });
	expect(shape(links)).toBe('r[d1[x] d2[x] d3[y]]');
	expect(links[0]!.effects.map(({ effects }) => effects[0]!.title)).toEqual(['s-x', 's-x', 'its last run']);
});

test('a run for several events that began in another chain stands where one of them is here', () => {
	const of = (id: string, root_id: string) => ({ ...run(id, 3, 'elsewhere'), delivery: { id: 'elsewhere', attempt: 1, root_id, events: 2 } });
	const parts = { events: [event('r', 1, null)], deliveries: [{ ...delivery('d1', 2, 'r'), execution_id: 'x' }] };
	const links = chain({ ...parts, executions: [of('x', 'other')] });
	expect(shape(links)).toBe('r[d1[x]]');
	expect(links[0]!.effects[0]!.effects[0]).toMatchObject({ title: 's-x', detail: 'run 1, for 2 events' });
	// One that failed, so that each has run alone since.
	const failed = chain({ ...parts, executions: [of('y', 'other'), run('x', 4, 'd1')] });
	expect(shape(failed)).toBe('r[d1[x]] elsewhere[y]');
	expect(failed[1]!.title).toBe('An event of another chain');
});

test('times are told from the beginning', () => {
	expect(after(at(0), '2026-03-01T12:00:00.012Z')).toBe('+12 ms');
	expect(after(at(0), at(5))).toBe('+5.0 s');
	expect(after(at(5), at(0))).toBe('+0 ms');
	expect(after(at(0), '2026-03-01T13:30:00Z')).toBe('+1.5 h');
});
