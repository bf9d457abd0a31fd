import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** A PiCloud of its own, with data that go with it. */
export interface Server {
	/** Where it answers, such as `http://localhost:41234`. */
	url: string;
	/** The code for the first owner, if there is none yet. */
	setupCode?: string;
	stop(): Promise<void>;
}

interface Options {
	/** Has the first owner made at the start. */
	owner?: { username: string; password: string };
	/** A PostgreSQL database to use in place of an SQLite file. */
	databaseUrl?: string;
}

/** A start on a busy machine takes a while. Only a fault reaches this. */
const START_MS_MAX = 60_000;

/** Starts the program that `PICLOUD_BINARY` names. */
export async function startServer({ owner, databaseUrl }: Options = {}): Promise<Server> {
	const binary = process.env.PICLOUD_BINARY;
	if (!binary) throw new Error('PICLOUD_BINARY must name the program to test');
	const data = mkdtempSync(join(tmpdir(), 'picloud-e2e-'));
	const child = spawn(binary, [], {
		env: {
			PATH: process.env.PATH,
			PICLOUD_BIND: '127.0.0.1:0',
			PICLOUD_DATA_DIR: data,
			...(databaseUrl && { PICLOUD_DATABASE_URL: databaseUrl }),
			...(owner && { PICLOUD_ADMIN_USERNAME: owner.username, PICLOUD_ADMIN_PASSWORD: owner.password })
		},
		stdio: ['ignore', 'pipe', 'pipe']
	});
	const stop = async () => {
		await ended(child);
		rmSync(data, { recursive: true, force: true });
	};
	try {
		return { ...(await ready(child, owner === undefined)), stop };
	} catch (thrown) {
		await stop();
		throw thrown;
	}
}

/** Reads what the server says until it has said all: where its data are, and the setup code if it has one. */
function ready(child: ChildProcess, withCode: boolean): Promise<Pick<Server, 'url' | 'setupCode'>> {
	return new Promise((resolve, reject) => {
		const said: string[] = [];
		let url: string | undefined;
		let setupCode: string | undefined;
		const give = (message: string) => reject(new Error(`${message}:\n${said.join('\n')}`));
		const timer = setTimeout(() => give('the server did not start'), START_MS_MAX);
		child.once('exit', (status) => give(`the server ended with ${status}`));
		child.once('error', (error) => give(String(error)));
		for (const stream of [child.stdout, child.stderr]) {
			if (!stream) continue;
			createInterface(stream).on('line', (line) => {
				said.push(line);
				url ??= /^ *Endpoint +(\S+?)\/?$/.exec(line)?.[1];
				setupCode ??= /^ *Setup code +(\S+)/.exec(line)?.[1];
				if (url && (withCode ? setupCode : /^ *Data /.test(line))) {
					clearTimeout(timer);
					resolve({ url, setupCode });
				}
			});
		}
	});
}

function ended(child: ChildProcess): Promise<void> {
	if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return Promise.resolve();
	return new Promise((resolve) => {
		child.once('exit', () => resolve());
		child.kill('SIGTERM');
	});
}
