import type { Locator, Page } from 'playwright-core';

/**
 * How long people take, in seconds, by the keystroke-level model of Card, Moran and Newell: to point and click, to press a
 * key as somebody who types little, to move a hand between mouse and keyboard, and to make up one's mind.
 */
const CLICK_S = 1.3;
const KEY_S = 0.28;
const HAND_S = 0.4;
const MIND_S = 1.35;

/** Somebody who clicks and types, and whose clicks and keys are counted. */
export class Visitor {
	clicks = 0;
	keys = 0;
	#steps = 0;
	#hands = 0;
	#typing = false;
	#began = Date.now();

	constructor(readonly page: Page) {}

	async click(what: Locator) {
		await what.click();
		this.clicks += 1;
		this.#step(false);
	}

	/** Types into what has the focus. */
	async type(text: string) {
		await this.page.keyboard.type(text);
		this.keys += text.length;
		this.#step(true);
	}

	async press(key: string) {
		await this.page.keyboard.press(key);
		this.keys += key.split('+').length;
		this.#step(true);
	}

	/** Seconds that a person takes for the same, by the model. It is a number of clicks and keys, not of this machine. */
	get personSeconds(): number {
		return Math.round(this.clicks * CLICK_S + this.keys * KEY_S + this.#hands * HAND_S + this.#steps * MIND_S);
	}

	toString(): string {
		const machine = ((Date.now() - this.#began) / 1_000).toFixed(1);
		return `${this.clicks} clicks and ${this.keys} keys; a person takes about ${this.personSeconds} s, this machine took ${machine} s`;
	}

	#step(typing: boolean) {
		this.#steps += 1;
		if (this.#typing !== typing) this.#hands += 1;
		this.#typing = typing;
	}
}
