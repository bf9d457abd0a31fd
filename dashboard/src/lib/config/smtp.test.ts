import { expect, test } from 'vitest';
import { body, form, goesElsewhere } from './smtp';

const OWN = {
	host: 'mail.example.com',
	port: 587,
	security: 'starttls',
	username: 'shop',
	from: ['Shop <shop@example.com>', '*@example.com'],
	updated_at: '2026-03-01T12:00:00Z',
	updated_by: 'ada'
};

test('what is set is shown without a password, and sent back as it is', () => {
	const typed = form(OWN);
	expect(typed.password).toBe('');
	expect(body(typed)).toEqual({ host: OWN.host, port: 587, security: 'starttls', username: 'shop', password: null, from: OWN.from });
});

test('what is empty is nobody, and the usual port', () => {
	const typed = { ...form(null), host: ' mail.example.com ', security: 'tls' as const, from: ' a@example.com \n\n' };
	expect(body(typed)).toEqual({ host: 'mail.example.com', port: 465, security: 'tls', username: null, password: null, from: ['a@example.com'] });
});

test('a password is asked for again where it would go elsewhere', () => {
	expect(goesElsewhere(form(OWN), OWN)).toBe(false);
	expect(goesElsewhere({ ...form(OWN), from: 'other@example.com' }, OWN)).toBe(false);
	expect(goesElsewhere({ ...form(OWN), port: '' }, OWN)).toBe(false);
	for (const change of [{ host: 'other.example.com' }, { port: '25' }, { security: 'none' as const }, { username: 'other' }]) {
		expect(goesElsewhere({ ...form(OWN), ...change }, OWN)).toBe(true);
	}
	expect(goesElsewhere({ ...form(OWN), username: '' }, OWN)).toBe(false);
	expect(goesElsewhere({ ...form(null), username: 'ada' }, null)).toBe(true);
});
