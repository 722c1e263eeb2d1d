// What the server asks of a model. llama-model.ts answers with llama.cpp; tests with something simpler.

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly text: string;
}

/** How the next token is chosen, and when there are enough. */
export interface Sampling {
  readonly temperature: number;
  readonly topP: number;
  readonly topK: number;
  readonly minP: number;
  readonly frequencyPenalty: number;
  readonly presencePenalty: number;
  /** Unsigned, 32 bits. Undefined: another one each time. */
  readonly seed: number | undefined;
  /** Undefined: as many as there is room for. */
  readonly maxTokens: number | undefined;
  /** The answer ends before the first of them. */
  readonly stop: readonly string[];
}

/** `reasoning`: what a model thinks before it answers. */
export interface Part {
  readonly kind: 'text' | 'reasoning';
  readonly text: string;
}

export interface Outcome {
  /** `length`: the tokens were used up. */
  readonly finish: 'stop' | 'length';
  readonly promptTokens: number;
  readonly completionTokens: number;
}

export interface Embeddings {
  readonly vectors: readonly (readonly number[])[];
  readonly tokens: number;
}

/** Where the answer goes while it is made. Must not throw. */
type OnPart = (part: Part) => void;

/** Calls in the same lane come one after the other. An aborted call rejects with the signal's reason. */
export interface LanguageModel {
  readonly facts: ModelFacts;
  chat(lane: number, messages: readonly ChatMessage[], sampling: Sampling, to: Ears): Promise<Outcome>;
  complete(lane: number, prompt: string, sampling: Sampling, to: Ears): Promise<Outcome>;
  embed(texts: readonly string[], signal: AbortSignal): Promise<Embeddings>;
}

/** Who listens. */
export interface Ears {
  readonly onPart: OnPart;
  readonly signal: AbortSignal;
}

export interface ModelFacts {
  /** Tokens of prompt and answer together. */
  readonly contextTokens: number;
  readonly trainedTokens: number;
  readonly sizeBytes: number;
}
