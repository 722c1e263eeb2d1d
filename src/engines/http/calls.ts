// The calls of one engine that is asked over HTTP, as OpenAI has them: of a program of ours and of somebody else's alike.
// Errors are `engine_call_failed` for a bad answer, ConnectionLost for none. `end` ends what is under way.
import type { Clock } from '../../lifecycle/clock.ts';
import { GreenroomError } from '../../lifecycle/errors.ts';
import type { ChatPart, PcmChunk, TranscriptPart } from '../contract.ts';
import type { Endpoint } from '../endpoint.ts';
import type { ChatCall, EmbedCall, SpeakCall, TranscribeCall } from '../instance.ts';
import type { CallDialect } from '../presets/dialect.ts';
import { chatOverHttp } from './chat.ts';
import type { ChatEvent } from './chat-stream.ts';
import { embedOverHttp } from './embedding.ts';
import type { HttpContext } from './exchange.ts';
import { speakOverHttp } from './speech.ts';
import { transcribeOverHttp } from './transcription.ts';

export interface HttpCallsOptions {
  readonly engine: string;
  readonly endpoint: Endpoint;
  /** What the engine calls its model. */
  readonly model: () => string;
  readonly dialect: CallDialect;
  readonly clock: Clock;
  /** A call may give nothing for so long. */
  readonly stallMs: number;
  readonly mask: (text: string) => string;
}

export class HttpCalls {
  readonly #options: HttpCallsOptions;
  readonly #context: HttpContext;
  readonly #open = new Set<(error: Error) => void>();
  #ended: Error | undefined;

  constructor(options: HttpCallsOptions) {
    this.#options = options;
    const { engine, endpoint, clock, stallMs, mask } = options;
    this.#context = {
      ...{ engine, endpoint, clock, stallMs, mask },
      onOpen: (end) => {
        this.#open.add(end);
        if (this.#ended) end(this.#ended);
        return () => this.#open.delete(end);
      },
    };
  }

  /** Whoever has a call under way, or makes one, gets this error. */
  end(error: GreenroomError): void {
    this.#ended ??= error;
    for (const end of this.#open) end(error);
  }

  speak(call: SpeakCall, signal: AbortSignal): AsyncGenerator<PcmChunk> {
    return speakOverHttp(this.#context, { ...call, model: this.#options.model() }, signal);
  }

  async *chat(call: ChatCall, signal: AbortSignal): AsyncGenerator<ChatPart> {
    for await (const event of this.chatEvents(call, signal)) if (!('thought' in event)) yield event;
  }

  /** With what it thinks before it answers. */
  chatEvents(call: ChatCall, signal: AbortSignal): AsyncGenerator<ChatEvent> {
    const { dialect, model } = this.#options;
    return chatOverHttp(
      this.#context,
      { ...call, model: model(), limitName: dialect.tokenLimitName },
      signal,
    );
  }

  transcribe(call: TranscribeCall, signal: AbortSignal): AsyncGenerator<TranscriptPart> {
    const { dialect, model } = this.#options;
    return transcribeOverHttp(
      this.#context,
      { ...call, model: model(), place: dialect.transcription },
      signal,
    );
  }

  /** Rejects with `cancelled` when the signal aborts. */
  async embed(call: EmbedCall, signal: AbortSignal): Promise<readonly Float32Array[]> {
    const { engine, model } = this.#options;
    const vectors = await embedOverHttp(this.#context, { ...call, model: model() }, signal);
    if (vectors) return vectors;
    throw new GreenroomError('cancelled', `nobody waits for the embeddings of engine ${engine} any more`);
  }
}
