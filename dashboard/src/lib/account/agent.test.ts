import { expect, test } from 'vitest';
import { agentName } from './agent';

test('browsers are told by what they are, not by what they also claim to be', () => {
	const chrome = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36';
	expect(agentName(chrome)).toBe('Chrome 156 on Linux');
	expect(agentName(`${chrome.replace('X11; Linux x86_64', 'Windows NT 10.0; Win64; x64')} Edg/156.0.0.0`)).toBe('Edge 156 on Windows');
	expect(agentName('Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.3 Safari/605.1.15')).toBe('Safari 18 on macOS');
	expect(agentName('Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0')).toBe('Firefox 140 on Android');
	expect(agentName('curl/8.14.1')).toBe('curl 8');
});

test('what is not known is shown as it is', () => {
	expect(agentName('picloud-cli/1.0')).toBe('picloud-cli/1.0');
});
