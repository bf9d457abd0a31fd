/** A part of a whole: "0.4 %". */
export function share(part: number, whole: number): string {
	if (whole === 0 || part === 0) return '0 %';
	const percent = (100 * part) / whole;
	if (percent < 0.1) return '< 0.1 %';
	// What is not all must not look as if it were.
	return part < whole && percent > 99.9 ? '> 99.9 %' : `${percent.toFixed(percent < 10 ? 1 : 0)} %`;
}
