// A loaded model that answers with llama.cpp: one sequence of its context for each lane. Who loaded it disposes of it.
import type {
  ChatHistoryItem,
  ChatWrapper,
  LlamaChat,
  LlamaChatResponseChunk,
  LlamaCompletion,
  LlamaContextSequence,
  LlamaEmbeddingContext,
  LlamaModel,
} from 'node-llama-cpp';
import { GreenroomError } from '../lifecycle/errors.ts';
import type {
  ChatMessage,
  Ears,
  Embeddings,
  LanguageModel,
  ModelFacts,
  Outcome,
  Sampling,
} from './language-model.ts';
import { takeInPrompt } from './prompt.ts';

export interface LlamaLane {
  readonly sequence: LlamaContextSequence;
  readonly chat: LlamaChat;
  readonly completion: LlamaCompletion;
}

export interface LlamaModelParts {
  readonly model: LlamaModel;
  readonly wrapper: ChatWrapper;
  readonly lanes: readonly LlamaLane[];
  readonly facts: ModelFacts;
  readonly threads: number;
}

/** Penalties look at so many tokens, as llama-server's do. */
const penaltyTokens = 64;
/** Context that is kept free: where it were full, llama.cpp would drop the beginning of the conversation. */
const spareTokens = 1;

export class LlamaLanguageModel implements LanguageModel {
  readonly #parts: LlamaModelParts;
  #embedding: Promise<LlamaEmbeddingContext> | undefined;

  constructor(parts: LlamaModelParts) {
    this.#parts = parts;
  }

  get facts(): ModelFacts {
    return this.#parts.facts;
  }

  async chat(
    lane: number,
    messages: readonly ChatMessage[],
    sampling: Sampling,
    { onPart, signal }: Ears,
  ): Promise<Outcome> {
    const { model, wrapper } = this.#parts;
    const { sequence, chat } = this.#lane(lane);
    const history = historyOf(messages);
    const tokens = wrapper
      .generateContextState({ chatHistory: history })
      .contextText.tokenize(model.tokenizer);
    const maxTokens = this.#room('messages', tokens.length, sampling.maxTokens);
    await takeInPrompt(sequence, tokens, signal);
    let completionTokens = 0;
    const onResponseChunk = ({ type, text, tokens: said }: LlamaChatResponseChunk) => {
      completionTokens += said.length;
      if (text !== '') onPart({ kind: type === 'segment' ? 'reasoning' : 'text', text });
    };
    const options = { ...samplingOptions(sampling), maxTokens, signal, onResponseChunk };
    const { metadata } = await chat.generateResponse(history, options);
    return outcome(metadata.stopReason, tokens.length, completionTokens);
  }

  async complete(
    lane: number,
    prompt: string,
    sampling: Sampling,
    { onPart, signal }: Ears,
  ): Promise<Outcome> {
    const { model } = this.#parts;
    const { sequence, completion } = this.#lane(lane);
    // The completion puts it before the prompt by itself.
    const begin = model.tokens.shouldPrependBosToken && model.tokens.bos !== null ? [model.tokens.bos] : [];
    const input = model.tokenize(prompt, false, begin.length > 0 ? 'trimLeadingSpace' : undefined);
    const tokens = [...begin, ...input];
    if (tokens.length === 0)
      throw new GreenroomError('invalid_request', 'this model needs a prompt that is not empty');
    const maxTokens = this.#room('prompt', tokens.length, sampling.maxTokens);
    await takeInPrompt(sequence, tokens, signal);
    let completionTokens = 0;
    const { metadata } = await completion.generateCompletionWithMeta(input, {
      ...samplingOptions(sampling),
      ...{ maxTokens, signal, contextShiftSize: spareTokens, disableContextShift: true },
      onToken: (said) => {
        completionTokens += said.length;
      },
      onTextChunk: (text) => {
        if (text !== '') onPart({ kind: 'text', text });
      },
    });
    return outcome(metadata.stopReason, tokens.length, completionTokens);
  }

  async embed(texts: readonly string[], signal: AbortSignal): Promise<Embeddings> {
    // Made for the first who asks: most models are asked for words alone.
    this.#embedding ??= this.#embeddingContext();
    const context = await this.#embedding;
    const vectors: (readonly number[])[] = [];
    let tokens = 0;
    for (const text of texts) {
      signal.throwIfAborted();
      const count = context.calculateInputLength(text);
      this.#assertFits('input', count);
      tokens += count;
      vectors.push((await context.getEmbeddingFor(text)).vector);
    }
    return { vectors, tokens };
  }

  #lane(index: number): LlamaLane {
    const lane = this.#parts.lanes[index];
    if (!lane) throw new GreenroomError('internal_error', `there is no lane ${index}`);
    return lane;
  }

  /** How many tokens an answer may have. Throws when the prompt leaves no room for any. */
  #room(param: string, promptTokens: number, wanted: number | undefined): number {
    this.#assertFits(param, promptTokens);
    const left = this.facts.contextTokens - spareTokens - promptTokens;
    return Math.min(wanted ?? left, left);
  }

  #assertFits(param: string, promptTokens: number): void {
    const { contextTokens, trainedTokens } = this.facts;
    if (promptTokens + spareTokens < contextTokens) return;
    const next =
      contextTokens < trainedTokens ? `, or give it more \`context\` (up to ${trainedTokens})` : '';
    const message = `the prompt has ${promptTokens} tokens, and the context of this model has room for ${contextTokens} with the answer; shorten it${next}`;
    throw new GreenroomError('context_length_exceeded', message, {
      details: { param, promptTokens, contextTokens },
    });
  }

  #embeddingContext(): Promise<LlamaEmbeddingContext> {
    const { model, threads, facts } = this.#parts;
    const made = model.createEmbeddingContext({ contextSize: facts.contextTokens, threads });
    // Whoever asks next may have more luck, once there is memory.
    made.catch(() => {
      this.#embedding = undefined;
    });
    return made;
  }
}

/** The last turn is the model's: begun by its caller, or empty. */
function historyOf(messages: readonly ChatMessage[]): ChatHistoryItem[] {
  const history = messages.map(
    ({ role, text }): ChatHistoryItem =>
      role === 'assistant' ? { type: 'model', response: [text] } : { type: role, text },
  );
  return history.at(-1)?.type === 'model' ? history : [...history, { type: 'model', response: [] }];
}

function samplingOptions(sampling: Sampling) {
  const { temperature, topP, topK, minP, frequencyPenalty, presencePenalty, seed, stop } = sampling;
  const penalised = frequencyPenalty !== 0 || presencePenalty !== 0;
  return {
    ...{ temperature, topK, minP, topP: Math.max(topP, 1e-6) },
    ...(seed !== undefined && { seed }),
    repeatPenalty: penalised && { lastTokens: penaltyTokens, penalty: 1, frequencyPenalty, presencePenalty },
    ...(stop.length > 0 && { customStopTriggers: stop }),
  } as const;
}

const outcome = (stopReason: string, promptTokens: number, completionTokens: number): Outcome => ({
  finish: stopReason === 'maxTokens' ? 'length' : 'stop',
  promptTokens,
  completionTokens,
});
