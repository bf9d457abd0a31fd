// Their names in the order in which they are looked for: most browsers also call themselves by the names of older ones.
const BROWSERS: [RegExp, string][] = [
	[/Edg(?:e|A|iOS)?\/(\d+)/, 'Edge'],
	[/OPR\/(\d+)/, 'Opera'],
	[/(?:Firefox|FxiOS)\/(\d+)/, 'Firefox'],
	[/(?:Headless)?(?:Chrome|CriOS)\/(\d+)/, 'Chrome'],
	[/Version\/(\d+)[\d.]* .*Safari\//, 'Safari'],
	[/^curl\/(\d+)/, 'curl']
];

const SYSTEMS: [RegExp, string][] = [
	[/Android/, 'Android'],
	[/iPhone|iPad/, 'iOS'],
	[/Windows/, 'Windows'],
	[/Mac OS X/, 'macOS'],
	[/CrOS/, 'ChromeOS'],
	[/Linux/, 'Linux']
];

/** A user agent in a few words, such as "Firefox 140 on Linux"; itself if nothing is known of it. */
export function agentName(agent: string): string {
	const system = SYSTEMS.find(([pattern]) => pattern.test(agent))?.[1];
	for (const [pattern, name] of BROWSERS) {
		const version = pattern.exec(agent)?.[1];
		if (version) return [`${name} ${version}`, system].filter(Boolean).join(' on ');
	}
	return agent;
}
