import { expect, test } from 'vitest';
import { placesFor } from './places';

const labels = (role?: string) => placesFor(role).map(({ label }) => label);

test('people and the audit log are in the bar of owners and admins alone', () => {
	for (const role of ['owner', 'admin']) expect(labels(role)).toEqual(expect.arrayContaining(['People', 'Audit log']));
	for (const role of ['member', undefined]) {
		expect(labels(role)).toContain('Apps');
		expect(labels(role)).not.toContain('People');
		expect(labels(role)).not.toContain('Audit log');
	}
});
