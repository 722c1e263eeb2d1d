// The test call: what was said is played back, what was typed is spoken. Needs no model beyond the built-ins.
import { Resampler } from '../audio/resample.ts';
import { isRate, rateExpected, type VadStream } from '../engines/contract.ts';
import type { Engine } from '../engines/engine.ts';
import { GreenroomError, messageOf } from '../lifecycle/errors.ts';
import type { OutputChunk, ResponseSnapshot } from '../realtime/state.ts';
import type { ContentPart, MessageItem } from '../wire/items.ts';
import { sessionRateHz } from '../wire/session-config.ts';
import {
  type AnswerRequest,
  type Pipeline,
  type PipelineReadiness,
  type PipelineSession,
  readinessOf,
} from './pipeline.ts';

export interface EchoOptions {
  readonly name: string;
  readonly speak: Engine;
  readonly vad: Engine;
  /** Every engine that has to be ready, the two above among them. */
  readonly needs: readonly Engine[];
  readonly voice: string | undefined;
  readonly instructions: string | undefined;
}

/** Audio goes out in slices of this length. */
const sliceSamples = sessionRateHz / 5;
const nothingYet = 'There is nothing to echo yet. Say something, or type a line.';

export class EchoPipeline implements Pipeline {
  readonly kind = 'echo';
  readonly name: string;
  readonly voice: string;
  readonly instructions: string;
  readonly needs: readonly string[];
  readonly #options: EchoOptions;

  constructor(options: EchoOptions) {
    this.#options = options;
    this.name = options.name;
    this.voice = options.voice ?? 'default';
    this.instructions = options.instructions ?? '';
    this.needs = options.needs.map(({ name }) => name);
  }

  open(): PipelineSession {
    return new EchoSession(this.#options);
  }

  need(): void {
    for (const engine of this.#options.needs) engine.need();
  }

  readiness(): PipelineReadiness {
    return readinessOf(this.#options.needs.map((engine) => engine.status()));
  }

  onChange(listener: () => void): () => void {
    const undo = this.#options.needs.map((engine) => engine.onChange(listener));
    return () => {
      for (const leave of undo) leave();
    };
  }
}

class EchoSession implements PipelineSession {
  readonly #options: EchoOptions;
  readonly #holds: readonly (() => void)[];

  constructor(options: EchoOptions) {
    this.#options = options;
    this.#holds = options.needs.map(({ lobby }) => lobby.hold());
  }

  openVad(rateHz: number): VadStream {
    return this.#options.vad.openVad(rateHz);
  }

  async *respond({ snapshot, audioOf }: AnswerRequest, signal: AbortSignal): AsyncGenerator<OutputChunk> {
    const items = unanswered(snapshot);
    const spoken = snapshot.modality === 'audio';
    if (items.length === 0) yield* this.#say(snapshot.instructions ?? nothingYet, spoken, signal);
    for (const item of items) {
      for (const part of item.content) {
        if (signal.aborted) return;
        if (part.type === 'input_text') yield* this.#say(part.text, spoken, signal);
        else if (part.type === 'input_audio') yield* playBack(audioOf(item.id), part, spoken);
      }
    }
  }

  close(): void {
    for (const release of this.#holds) release();
  }

  async *#say(text: string, spoken: boolean, signal: AbortSignal): AsyncGenerator<OutputChunk> {
    yield { type: 'text', text };
    if (!spoken) return;
    const { speak, voice } = this.#options;
    let stream: { readonly rateHz: number; readonly resampler: Resampler } | undefined;
    let samples = 0;
    for await (const { pcm, rate } of speak.speak({ text, voice: voice ?? null }, signal)) {
      samples += pcm.length;
      stream ??= { rateHz: rate, resampler: resamplerOf(speak.name, rate) };
      const { rateHz, resampler } = stream;
      if (rate !== rateHz) throw rateChanged(speak.name, rateHz, rate);
      // A whole utterance in one chunk is resampled piece by piece, so that others get their turn in between. A piece
      // is a second, by a rate that was checked: a chunk could say that it is next to nothing, and hold us for ever.
      for (let at = 0; at < pcm.length; at += rateHz)
        yield* slices(resampler.push(pcm.subarray(at, at + rateHz)));
    }
    if (signal.aborted) return;
    if (stream) yield* slices(stream.resampler.flush());
    // Silence for something that can be said is a fault, never an empty answer.
    if (samples === 0 && /[\p{L}\p{N}]/u.test(text)) {
      throw new GreenroomError(
        'engine_call_failed',
        `engine ${speak.name} gave no audio for ${text.length} characters`,
      );
    }
  }
}

/** An engine says in every chunk at which rate it speaks, and may say anything. */
function resamplerOf(engine: string, rateHz: number): Resampler {
  try {
    if (!isRate(rateHz)) throw new RangeError(`it is not ${rateExpected}`);
    return new Resampler({ fromHz: rateHz, toHz: sessionRateHz });
  } catch (cause) {
    const message = `engine ${engine} speaks at ${rateHz} Hz, of which ${sessionRateHz} Hz cannot be made (${messageOf(cause)}); 8000, 16000, 22050, 24000, 44100 and 48000 Hz are usual`;
    throw new GreenroomError('engine_call_failed', message, { cause, details: { engine, rateHz } });
  }
}

/** No resampler for each: one may take a tenth of a second to make, which an engine could ask for in every chunk. */
function rateChanged(engine: string, rateHz: number, newRateHz: number): GreenroomError {
  const message = `engine ${engine} changed its rate from ${rateHz} to ${newRateHz} Hz in mid-answer; one answer has one rate`;
  return new GreenroomError('engine_call_failed', message, { details: { engine, rateHz, newRateHz } });
}

/** What the caller said or typed since the last answer; the last of it again when all is answered. */
function unanswered({ items }: ResponseSnapshot): readonly MessageItem[] {
  const messages = items.filter((item): item is MessageItem => item.type === 'message');
  const answered = messages.findLastIndex(({ role }) => role === 'assistant');
  const open = messages.slice(answered + 1).filter(({ role }) => role === 'user');
  if (open.length > 0) return open;
  const last = messages.findLast(({ role }) => role === 'user');
  return last ? [last] : [];
}

function* playBack(pcm: Int16Array, part: ContentPart, spoken: boolean): Generator<OutputChunk> {
  const said = part.type === 'input_audio' ? part.transcript : null;
  const seconds = (pcm.length / sessionRateHz).toFixed(1);
  if (said) yield { type: 'text', text: said };
  else if (!spoken) yield { type: 'text', text: `(${seconds} s of audio)` };
  if (spoken) yield* slices(pcm);
}

function* slices(pcm: Int16Array): Generator<OutputChunk> {
  for (let at = 0; at < pcm.length; at += sliceSamples)
    yield { type: 'audio', pcm: pcm.subarray(at, at + sliceSamples) };
}
