// A model for the tests of the server: says what it is told to, word by word, when it is told to.
import type {
  ChatMessage,
  Ears,
  Embeddings,
  LanguageModel,
  Outcome,
  Sampling,
} from '../../../src/llama-server/language-model.ts';

export interface ToyCall extends Ears {
  readonly lane: number;
  readonly asked: readonly ChatMessage[] | string;
  readonly sampling: Sampling;
  end(outcome?: Partial<Outcome>): void;
  fail(error: Error): void;
}

export class ToyModel implements LanguageModel {
  readonly facts = { contextTokens: 100, trainedTokens: 200, sizeBytes: 1 };
  /** Those that were begun. */
  readonly calls: ToyCall[] = [];

  chat(lane: number, messages: readonly ChatMessage[], sampling: Sampling, ears: Ears): Promise<Outcome> {
    return this.#begin(lane, messages, sampling, ears);
  }

  complete(lane: number, prompt: string, sampling: Sampling, ears: Ears): Promise<Outcome> {
    return this.#begin(lane, prompt, sampling, ears);
  }

  embed(texts: readonly string[]): Promise<Embeddings> {
    return Promise.resolve({ vectors: texts.map((text) => [text.length, 0.5]), tokens: texts.length });
  }

  /** An aborted one rejects at once, as the real one does after its token. */
  #begin(lane: number, asked: ToyCall['asked'], sampling: Sampling, ears: Ears): Promise<Outcome> {
    const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
    ears.signal.addEventListener('abort', () => reject(ears.signal.reason), { once: true });
    const outcome: Outcome = { finish: 'stop', promptTokens: 3, completionTokens: 2 };
    const end = (given: Partial<Outcome> = {}) => resolve({ ...outcome, ...given });
    this.calls.push({ lane, asked, sampling, ...ears, end, fail: reject });
    return promise;
  }
}
