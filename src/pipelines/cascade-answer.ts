// One answer of a cascade: thought by one engine and spoken by another, sentence by sentence. The next one is thought, and
// its speech is made, while the one before is taken. Everything it has under way is in its scope: closing that ends it at
// once, whatever its engines make of that.
import type { ChatPart } from '../engines/contract.ts';
import type { Engine } from '../engines/engine.ts';
import { delay } from '../lifecycle/clock.ts';
import { GreenroomError, messageOf } from '../lifecycle/errors.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { CallChunk, EndingChunk, OutputChunk } from '../realtime/chunks.ts';
import type { ResponseSnapshot } from '../realtime/state.ts';
import type { Log } from '../telemetry/log.ts';
import type { AnswerSource } from '../wire/notices.ts';
import { Channel } from './channel.ts';
import { chatQuestion } from './chat-question.ts';
import type { Filler } from './filler.ts';
import { voiceDefault } from './on-engines.ts';
import { type Patience, patience, patiently } from './patience.ts';
import { endOfText, moreText, noSentences, type SentenceState } from './sentences.ts';
import { isSpeakable, speech } from './speech.ts';
import { spokenText, type Within } from './spoken-text.ts';
import type { StageTimes } from './stage-times.ts';
import { usageOf } from './usage.ts';
import { Utterance } from './utterance.ts';

export interface CascadeVoices {
  readonly think: Engine;
  /** Undefined: every answer is text. */
  readonly speak: Engine | undefined;
  readonly log: Log;
}

/** What comes between two of the answer's sentences, or one of them. */
type Saying = Utterance | { readonly made: Promise<void>; readonly chunks: () => Iterable<OutputChunk> };

/** Thought and not spoken: some minutes of speech. */
const thoughtCharsMax = 8192;

export class CascadeAnswer {
  readonly #voices: CascadeVoices;
  readonly #snapshot: ResponseSnapshot;
  readonly #scope: Scope;
  readonly #times: StageTimes;
  readonly #filler: Filler | undefined;
  readonly #patience: Patience;
  readonly #thoughts: Channel<string>;
  readonly #pieces: AsyncGenerator<string, undefined>;
  readonly #calls: CallChunk[] = [];
  #ending: EndingChunk = { type: 'ending', cutBy: null, usage: null };
  #sentences: SentenceState = noSentences;
  /** Characters that are no blanks. */
  #thoughtChars = 0;
  #within: Within = 'prose';
  /** That of this answer alone, until the engine has refused it. */
  #voice: string;

  constructor(
    voices: CascadeVoices,
    snapshot: ResponseSnapshot,
    scope: Scope,
    also: { readonly times: StageTimes; readonly filler?: Filler | undefined },
  ) {
    this.#voices = voices;
    this.#snapshot = snapshot;
    this.#scope = scope;
    this.#times = also.times;
    this.#filler = also.filler;
    this.#patience = patience;
    this.#voice = snapshot.session.audio.output.voice;
    const { signal } = scope;
    this.#thoughts = new Channel({ signal, sizeOf: (text) => text.length, sizeMax: thoughtCharsMax });
    this.#pieces = this.#thoughts[Symbol.asyncIterator]();
  }

  /** In order. Throws what an engine failed of, once all that was thought before is said. */
  async *chunks(): AsyncGenerator<OutputChunk> {
    const speak = this.#snapshot.modality === 'audio' ? this.#voices.speak : undefined;
    yield { type: 'source', source: this.#source(speak) };
    if (this.#scope.state !== 'open') return;
    this.#scope.spawn('think', () => this.#think());
    if (speak) yield* this.#spoken(speak);
    else for await (const text of this.#pieces) yield { type: 'text', text };
    if (this.#scope.signal.aborted) return;
    yield* this.#calls;
    yield this.#ending;
  }

  #source(speak: Engine | undefined): AnswerSource {
    const named = (engine: Engine) => ({ engine: engine.name, model: engine.status().model });
    const { voice } = this.#snapshot.session.audio.output;
    return { think: named(this.#voices.think), speak: speak ? { ...named(speak), voice } : null };
  }

  /** The next one is begun when the engine has made the one before: two at a time would only slow each other down. */
  async *#spoken(speak: Engine): AsyncGenerator<OutputChunk> {
    let coming = inTime(this.#next(speak));
    yield* this.#filled(speak, coming);
    for (let saying = await coming; saying; saying = await coming) {
      coming = inTime(saying.made.then(() => this.#next(speak)));
      for await (const chunk of saying.chunks()) {
        if (chunk.type === 'audio') this.#times.reached('firstAudio');
        yield chunk;
      }
    }
  }

  async *#filled(speak: Engine, first: Promise<unknown>): AsyncGenerator<OutputChunk> {
    const { clock, signal } = this.#scope;
    if (!this.#filler) return;
    const waiting = this.#scope.child('filler');
    const late = delay(clock, this.#filler.afterMs, waiting.signal);
    const came = first.then(
      () => 'came' as const,
      () => 'came' as const,
    );
    const which = await Promise.race([came, late]);
    void waiting.close('done');
    if (which === 'came' || signal.aborted) return;
    const text = this.#filler.next(this.#snapshot);
    if (text !== undefined) yield* this.#say(`${text} `, 'filler', speak).chunks();
  }

  async #next(speak: Engine): Promise<Saying | undefined> {
    for (
      let { value } = await this.#pieces.next();
      value !== undefined;
      { value } = await this.#pieces.next()
    ) {
      const { text, within } = spokenText(value, this.#within);
      this.#within = within;
      if (isSpeakable(text)) return this.#say(text, 'sentence', speak);
      // Dots alone, say: to be read.
      if (text !== '') return { made: Promise.resolve(), chunks: () => [{ type: 'text', text }] };
    }
    return undefined;
  }

  #say(text: string, part: 'sentence' | 'filler', speak: Engine): Utterance {
    return new Utterance({
      ...{ scope: this.#scope, text, part },
      speech: (signal) => this.#voiced(text.trim(), speak, signal),
    });
  }

  /** A voice of this answer alone that the engine refuses costs the voice, never what was to be said. */
  async *#voiced(text: string, speak: Engine, signal: AbortSignal): AsyncGenerator<Int16Array> {
    const { usualVoice: usual, responseId: response } = this.#snapshot;
    let said = false;
    try {
      for await (const pcm of this.#speech(text, speak, signal)) {
        said = true;
        yield pcm;
      }
    } catch (error) {
      if (said || this.#voice === usual || signal.aborted) throw error;
      const facts = { response, engine: speak.name, voice: this.#voice, error };
      const why = `engine ${speak.name} does not speak as ${this.#voice}, so it speaks as always`;
      this.#voices.log.warn(facts, `${why}: ${messageOf(error)}`);
      this.#voice = usual;
      yield* this.#speech(text, speak, signal);
    }
  }

  #speech(text: string, speak: Engine, signal: AbortSignal): AsyncIterable<Int16Array> {
    const { speed } = this.#snapshot.session.audio.output;
    const voice = this.#voice === voiceDefault ? null : this.#voice;
    const patient: Parameters<typeof speech>[0] = {
      name: speak.name,
      speak: (spoken) =>
        patiently({
          ...{ ...this.#patience, scope: this.#scope, engine: speak.name, what: 'speech' },
          ask: (abort) => speak.speak(spoken, abort),
        }),
    };
    return speech(patient, { text, voice, ...(speed !== 1 && { speed }) }, signal);
  }

  async #think(): Promise<void> {
    const { think } = this.#voices;
    try {
      const parts = patiently({
        ...{ ...this.#patience, scope: this.#scope, engine: think.name, what: 'chat' },
        ask: (signal) => think.chat(chatQuestion(this.#snapshot), signal),
      });
      for await (const part of parts) await this.#take(part);
      if (this.#thoughtChars === 0 && this.#calls.length === 0) {
        const message = `engine ${think.name}: chat: it answered without a single word`;
        throw new GreenroomError('engine_no_output', message);
      }
      await this.#thoughts.put(...endOfText(this.#sentences));
      this.#times.reached('thought');
      this.#thoughts.end();
    } catch (error) {
      this.#thoughts.fail(error);
    }
  }

  async #take(part: ChatPart): Promise<void> {
    if ('toolCall' in part) {
      const { id: callId, name, arguments: written } = part.toolCall;
      this.#calls.push({ type: 'call', callId, name, arguments: written });
    } else if ('finish' in part) {
      this.#ending = { type: 'ending', cutBy: cutBy(part.finish), usage: usageOf(part.usage) };
    } else await this.#takeText(part.text);
  }

  async #takeText(text: string): Promise<void> {
    if (text === '') return;
    this.#times.reached('firstToken');
    this.#thoughtChars += text.trim().length;
    // Who reads has it as it comes.
    if (this.#snapshot.modality === 'text') return this.#thoughts.put(text);
    const { state, sentences } = moreText(this.#sentences, text);
    this.#sentences = state;
    if (sentences.length > 0) this.#times.reached('firstSentence');
    await this.#thoughts.put(...sentences);
  }
}

/** It may fail before anybody waits for it. */
function inTime<T>(coming: Promise<T>): Promise<T> {
  coming.catch(() => undefined);
  return coming;
}

function cutBy(finish: string): EndingChunk['cutBy'] {
  if (finish === 'length') return 'max_output_tokens';
  return finish === 'content_filter' ? 'content_filter' : null;
}
