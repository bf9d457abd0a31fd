import { encode } from 'uqr';

/** A QR code for a path of SVG: a square of `size` modules with its quiet zone, and `path` for what is dark. */
export interface QrCode {
	size: number;
	path: string;
}

/** The modules that must stay light around it, or cameras do not find it. */
const QUIET_ZONE = 4;

/** Draws `text`. */
export function qrCode(text: string): QrCode {
	const { data, size } = encode(text, { ecc: 'M', border: QUIET_ZONE });
	const parts: string[] = [];
	for (const [y, row] of data.entries()) {
		for (let x = 0; x < size; x++) {
			if (!row[x]) continue;
			const from = x;
			while (row[x + 1]) x++;
			// One bar for modules that touch, so that no seam shows between them.
			parts.push(`M${from} ${y}h${x - from + 1}v1h-${x - from + 1}z`);
		}
	}
	return { size, path: parts.join('') };
}
