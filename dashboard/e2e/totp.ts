import { createHmac } from 'node:crypto';

const STEP_MS = 30_000;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** An authenticator app: never gives the same code twice, as the server takes none twice. */
export class Authenticator {
	#secret: Buffer;
	#last = 0;

	/** `secret` as the server tells it, in base 32. */
	constructor(secret: string) {
		const bits = [...secret].map((letter) => ALPHABET.indexOf(letter).toString(2).padStart(5, '0')).join('');
		this.#secret = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => parseInt(byte, 2)));
	}

	/** A code for now. Asked again within the same half minute, it gives the next one, which the server takes early. */
	code(): string {
		this.#last = Math.max(this.#last + 1, Math.floor(Date.now() / STEP_MS));
		const message = Buffer.alloc(8);
		message.writeBigUInt64BE(BigInt(this.#last));
		const hash = createHmac('sha1', this.#secret).update(message).digest();
		const at = hash.readUInt8(19) & 0xf;
		return String((hash.readUInt32BE(at) & 0x7fff_ffff) % 1_000_000).padStart(6, '0');
	}
}
