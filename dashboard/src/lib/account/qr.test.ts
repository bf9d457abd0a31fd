import { encode } from 'uqr';
import { expect, test } from 'vitest';
import { qrCode } from './qr';

const URI = 'otpauth://totp/PiCloud:ada?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=PiCloud&algorithm=SHA1&digits=6&period=30';

/** What the bars of a path cover. */
function covered({ size, path }: { size: number; path: string }): boolean[][] {
	const modules = Array.from({ length: size }, () => Array<boolean>(size).fill(false));
	for (const [, x, y, length] of path.matchAll(/M(\d+) (\d+)h(\d+)v1h-\d+z/g)) {
		for (let at = Number(x); at < Number(x) + Number(length); at++) modules[Number(y)]![at] = true;
	}
	return modules;
}

test('the path covers what is dark, and nothing else', () => {
	expect(covered(qrCode(URI))).toEqual(encode(URI, { ecc: 'M', border: 4 }).data);
});

test('it has its three corners and a quiet zone of four modules', () => {
	const { size, path } = qrCode(URI);
	const modules = covered({ size, path });
	for (const [x, y] of [[4, 4], [size - 11, 4], [4, size - 11]] as const) {
		expect(modules[y]!.slice(x, x + 7)).toEqual(Array(7).fill(true));
	}
	expect(modules.slice(0, 4).flat()).not.toContain(true);
	expect(modules.map((row) => row.slice(0, 4)).flat()).not.toContain(true);
});
