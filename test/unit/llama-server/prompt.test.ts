import fc from 'fast-check';
import type { LlamaContextSequence, Token } from 'node-llama-cpp';
import { expect, test } from 'vitest';
import { nextCount, takeInPrompt } from '../../../src/llama-server/prompt.ts';

/** A sequence that knows the beginning of the prompt already, and notes what it is given. */
class Sequence {
  readonly given: Token[][] = [];
  nextTokenIndex = 0;
  readonly #known: number;
  readonly #onGiven: () => void;

  constructor(known: number, onGiven: () => void = () => undefined) {
    this.#known = known;
    this.#onGiven = onGiven;
  }

  adaptStateToTokens(tokens: Token[]): Promise<void> {
    this.nextTokenIndex = Math.min(this.#known, tokens.length);
    return Promise.resolve();
  }

  evaluateWithoutGeneratingNewTokens(tokens: Token[]): Promise<void> {
    this.given.push(tokens);
    this.#onGiven();
    return Promise.resolve();
  }

  get asSequence(): LlamaContextSequence {
    return this as unknown as LlamaContextSequence;
  }
}

const prompt = (length: number) => Array.from({ length }, (_, index) => index as Token);

test('all but the last token and what is known is taken in, in order, in bounded bits', async () => {
  const size = fc.integer({ min: 1, max: 3000 });
  await fc.assert(
    fc.asyncProperty(size, fc.nat(3000), async (length, known) => {
      const sequence = new Sequence(known);
      await takeInPrompt(sequence.asSequence, prompt(length), new AbortController().signal);
      expect(sequence.given.flat()).toEqual(prompt(length).slice(Math.min(known, length - 1), -1));
      expect(Math.max(0, ...sequence.given.map((bit) => bit.length))).toBeLessThanOrEqual(512);
    }),
    { numRuns: 30 },
  );
});

test('a cancel is honoured after the bit that is under way', async () => {
  const controller = new AbortController();
  const sequence = new Sequence(0, () => controller.abort('client_left'));
  await expect(takeInPrompt(sequence.asSequence, prompt(1000), controller.signal)).rejects.toBe(
    'client_left',
  );
  expect(sequence.given.length).toBe(1);
});

test('a cancel before the last token is honoured too: nothing begins', async () => {
  const controller = new AbortController();
  const sequence = new Sequence(0, () => controller.abort('client_left'));
  await expect(takeInPrompt(sequence.asSequence, prompt(10), controller.signal)).rejects.toBe('client_left');
});

test.each([
  [128, 100, 128],
  [128, 50, 256],
  [256, 200, 128],
  [128, 0, 512],
  [512, 20, 512],
  [128, 5000, 64],
])('after %i tokens in %i ms it gets %i: about 100 ms worth, and never few', (taken, ms, next) => {
  expect(nextCount(taken, ms)).toBe(next);
});
