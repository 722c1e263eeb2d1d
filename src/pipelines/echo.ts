// The test call: what was said is played back, what was typed is spoken. Needs no model beyond the built-ins.
import type { VadStream } from '../engines/contract.ts';
import type { Engine } from '../engines/engine.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import type { OutputChunk } from '../realtime/chunks.ts';
import type { ResponseSnapshot } from '../realtime/state.ts';
import type { ContentPart, MessageItem } from '../wire/items.ts';
import { everyAbility, sessionRateHz } from '../wire/session-config.ts';
import { OnEngines, type PipelineFacts } from './on-engines.ts';
import type { AnswerRequest, Pipeline, PipelineSession } from './pipeline.ts';
import { slices, speech } from './speech.ts';
import { StageMeter } from './stage-times.ts';

export interface EchoOptions extends PipelineFacts {
  readonly speak: Engine;
  readonly vad: Engine;
}

const nothingYet = 'There is nothing to echo yet. Say something, or type a line.';

export class EchoPipeline extends OnEngines implements Pipeline {
  readonly kind = 'echo';
  readonly abilities = everyAbility;
  readonly transcription = null;
  readonly stages = new StageMeter();
  readonly #options: EchoOptions;

  constructor(options: EchoOptions) {
    super(options);
    this.#options = options;
  }

  open(): PipelineSession {
    return new EchoSession(this.#options, this.hold());
  }
}

class EchoSession implements PipelineSession {
  readonly #options: EchoOptions;
  readonly #letGo: () => void;

  constructor(options: EchoOptions, letGo: () => void) {
    this.#options = options;
    this.#letGo = letGo;
  }

  hear(): never {
    throw new GreenroomError('engine_call_unsupported', 'an echo does not write down what it hears');
  }

  openVad(rateHz: number): VadStream {
    return this.#options.vad.openVad(rateHz);
  }

  async *respond(request: AnswerRequest, signal: AbortSignal): AsyncGenerator<OutputChunk> {
    const { times } = request;
    for await (const chunk of this.#answer(request, signal)) {
      if (chunk.type === 'audio') times?.reached('firstAudio');
      yield chunk;
    }
  }

  async *#answer({ snapshot, audioOf }: AnswerRequest, signal: AbortSignal): AsyncGenerator<OutputChunk> {
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
    this.#letGo();
  }

  async *#say(text: string, spoken: boolean, signal: AbortSignal): AsyncGenerator<OutputChunk> {
    yield { type: 'text', text };
    if (!spoken) return;
    const { speak, voice } = this.#options;
    for await (const pcm of speech(speak, { text, voice: voice ?? null }, signal))
      yield { type: 'audio', pcm };
  }
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
  if (spoken) for (const slice of slices(pcm)) yield { type: 'audio', pcm: slice };
}
