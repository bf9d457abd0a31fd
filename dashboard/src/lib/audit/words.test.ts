import { expect, test } from 'vitest';
import { actorName, faultName, summary } from './words';

const target = (kind: string, name: string | null, id: string | null = null) => ({ kind, name, id });
const actor = (username: string | null, via: string) => ({ actor: { id: null, username, via, credential_id: null } });

test('a record reads as a sentence, and says nothing twice', () => {
	expect(summary({ action: 'create_script', target: target('script', 'greet') })).toBe('Create script greet');
	expect(summary({ action: 'begin_totp', target: target('second_factor', null) })).toBe('Begin totp second factor');
	expect(summary({ action: 'update_app', target: target('app', null, '01a2') })).toBe('Update app 01a2');
});

test('who has no name is told by how they came in', () => {
	expect(actorName(actor('ada', 'session'))).toBe('ada');
	expect(actorName(actor(null, 'console'))).toBe('a command on the machine');
	expect(actorName(actor(null, 'entrance'))).toBe('somebody unknown');
});

test('a fault says where it is', () => {
	expect(faultName({ chain: 'changes', sequence: 7, fault: 'altered' })).toBe('Record 7 of changes was altered.');
});
