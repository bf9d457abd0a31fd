// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen } from '@testing-library/svelte';
import { afterEach, expect, test, vi } from 'vitest';

vi.mock('$app/paths', () => ({ base: '/admin' }));
const { default: EditPerson } = await import('./EditPerson.svelte');
const { default: Invite } = await import('./Invite.svelte');
const { default: PersonMenu } = await import('./PersonMenu.svelte');

afterEach(() => {
	cleanup();
	vi.unstubAllGlobals();
});

const account = (username: string, instance_role: string) => ({ id: username, username, email: null, instance_role, is_active: true, created_at: '2026-03-01T12:00:00Z' });
/** Waits for what is on its way, on however busy a machine. */
const eventually = (check: () => void) => vi.waitFor(check, { timeout: 30_000 });
const json = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } });

/** Answers every request with what `answer` gives, and keeps the requests. */
function serve(answer: (request: Request) => Response) {
	const asked: { method: string; path: string; body: unknown }[] = [];
	vi.stubGlobal('fetch', async (request: Request) => {
		const text = await request.clone().text();
		asked.push({ method: request.method, path: new URL(request.url).pathname, body: text ? JSON.parse(text) : undefined });
		return answer(request);
	});
	return asked;
}

const nothing = () => undefined;
const doing = { onedit: nothing, onpassword: nothing, onactivate: nothing, ondeactivate: nothing, ondelete: nothing };

test('an admin is offered nothing with the account of an owner', () => {
	render(PersonMenu, { person: account('ada', 'owner'), me: account('grace', 'admin'), ...doing });
	expect(screen.queryByRole('button')).toBeNull();
	render(PersonMenu, { person: account('mary', 'member'), me: account('grace', 'admin'), ...doing });
	expect(screen.getByRole('button', { name: 'Actions for mary' })).toBeTruthy();
});

test('only what was changed is sent, as somebody else may change the rest meanwhile', async () => {
	const asked = serve(() => json({ ...account('mary', 'admin') }));
	const onchanged = vi.fn();
	render(EditPerson, { person: account('mary', 'member'), me: account('ada', 'owner'), onclose: nothing, onchanged });
	await fireEvent.change(screen.getByLabelText('Role'), { target: { value: 'admin' } });
	await fireEvent.click(screen.getByRole('button', { name: 'Save' }));
	await eventually(() => expect(onchanged).toHaveBeenCalled());
	expect(asked).toEqual([{ method: 'PATCH', path: '/api/v1/admin/admins/mary', body: { instance_role: 'admin' } }]);
});

test('a lower role is given with a word on what it ends, and the last owner is told why not', async () => {
	serve(() => json({ code: 'last_owner', detail: 'Make somebody else an owner first.' }, 409));
	const onchanged = vi.fn();
	render(EditPerson, { person: account('ada', 'owner'), me: account('ada', 'owner'), onclose: nothing, onchanged });
	await fireEvent.change(screen.getByLabelText('Role'), { target: { value: 'member' } });
	expect(screen.getByRole('status').textContent).toContain('your session ends');
	await fireEvent.click(screen.getByRole('button', { name: 'Save' }));
	await eventually(() => expect(screen.getByRole('alert').textContent).toContain('Make somebody else an owner first.'));
	expect(onchanged).not.toHaveBeenCalled();
});

test('an invitation offers the roles and apps that the caller can give, and shows its link', async () => {
	const app = (slug: string, my_role: string) => ({ id: slug, slug, name: slug, description: '', my_role, created_at: '', updated_at: '' });
	const made = { id: 'i', username: 'annie', email: null, path: '/admin/invitations/pci_x', expires_at: '2026-03-04T12:00:00Z' };
	const asked = serve((request) => (request.method === 'POST' ? json(made, 201) : json({ items: [app('shop', 'app_admin'), app('other', 'editor')], next_cursor: null })));
	render(Invite, { me: account('grace', 'admin'), onclose: nothing, onmade: nothing });
	await eventually(() => expect(screen.getByRole('option', { name: 'shop' })).toBeTruthy());
	expect(screen.queryByRole('option', { name: 'other' })).toBeNull();
	expect(screen.queryByRole('option', { name: 'owner' })).toBeNull();
	await fireEvent.input(screen.getByLabelText('Username'), { target: { value: 'annie' } });
	await fireEvent.click(screen.getByRole('button', { name: 'Create invitation' }));
	await eventually(() => expect(screen.getByText(`${location.origin}/admin/invitations/pci_x`)).toBeTruthy());
	expect(asked.at(-1)?.body).toEqual({ username: 'annie', instance_role: 'member' });
});
