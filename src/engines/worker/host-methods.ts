// How each method of a call is asked of the engine, and in which message its answer goes out.
import type {
  ChatRequest,
  EmbedRequest,
  LoadedEngine,
  SpeakRequest,
  TranscribeRequest,
} from '../contract.ts';
import { checkedChunk, checkedPart, checkedTranscript, checkedVectors } from './module-checks.ts';
import type { CallMethod, FromHost } from './protocol.ts';

interface HostRequest {
  readonly args: Readonly<Record<string, unknown>>;
  readonly signal: AbortSignal;
  /** What the call is given to hear. */
  readonly pcm: AsyncIterable<Int16Array>;
}

interface HostMethod {
  readonly ask: (engine: LoadedEngine, request: HostRequest) => AsyncIterable<unknown>;
  /** Throws with what is wrong with it. */
  readonly message: (id: number, value: unknown) => FromHost;
}

export const hostMethods: Readonly<Record<CallMethod, HostMethod>> = {
  speak: {
    ask: (engine, { args, signal }) => stream('speak', engine.speak?.({ ...args, signal } as SpeakRequest)),
    message: (id, value) => ({ type: 'chunk', id, value: checkedChunk(value) }),
  },
  chat: {
    ask: (engine, { args, signal }) =>
      stream('chat', engine.chat?.({ ...args, signal } as unknown as ChatRequest)),
    message: (id, value) => ({ type: 'part', id, value: checkedPart(value) }),
  },
  transcribe: {
    ask: (engine, { args, signal, pcm }) =>
      stream('transcribe', engine.transcribe?.({ ...args, pcm, signal } as TranscribeRequest)),
    message: (id, value) => ({ type: 'heard', id, value: checkedTranscript(value) }),
  },
  embed: {
    async *ask(engine, { args, signal }) {
      yield* checkedVectors(await engine.embed?.({ ...args, signal } as EmbedRequest));
    },
    message: (id, value) => ({ type: 'vector', id, value: value as Float32Array }),
  },
};

function stream(method: CallMethod, given: AsyncIterable<unknown> | undefined): AsyncIterable<unknown> {
  if (typeof given?.[Symbol.asyncIterator] !== 'function')
    throw new Error(`${method}() gave no stream; it is an async generator, or returns one`);
  return given;
}
