// One answer of a cascade: thought by one engine and spoken by another, sentence by sentence, the next one thought while
// the one before is spoken. Everything it has under way is in its scope: closing that ends it at once.
import type { ChatPart } from '../engines/contract.ts';
import type { Engine } from '../engines/engine.ts';
import { GreenroomError, messageOf } from '../lifecycle/errors.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { CallChunk, EndingChunk, OutputChunk, ResponseSnapshot } from '../realtime/state.ts';
import type { Log } from '../telemetry/log.ts';
import { chatQuestion } from './chat-question.ts';
import { endOfText, moreText, noSentences, type SentenceState } from './sentences.ts';
import { isSpeakable, speech } from './speech.ts';
import type { StageTimes } from './stage-times.ts';
import { Thoughts } from './thoughts.ts';
import { usageOf } from './usage.ts';

export interface CascadeVoices {
  readonly think: Engine;
  /** Undefined: every answer is text. */
  readonly speak: Engine | undefined;
  readonly voice: string | undefined;
  readonly log: Log;
}

export class CascadeAnswer {
  readonly #voices: CascadeVoices;
  readonly #snapshot: ResponseSnapshot;
  readonly #scope: Scope;
  readonly #times: StageTimes;
  readonly #thoughts: Thoughts;
  readonly #calls: CallChunk[] = [];
  #ending: EndingChunk = { type: 'ending', cutBy: null, usage: null };
  #sentences: SentenceState = noSentences;
  /** Characters that are no blanks. */
  #thoughtChars = 0;
  /** That of this answer alone, until the engine has refused it. */
  #voice: string | null;

  constructor(voices: CascadeVoices, snapshot: ResponseSnapshot, scope: Scope, times: StageTimes) {
    this.#voices = voices;
    this.#snapshot = snapshot;
    this.#scope = scope;
    this.#times = times;
    this.#voice = snapshot.voice ?? voices.voice ?? null;
    this.#thoughts = new Thoughts(scope.signal);
  }

  /** In order. Throws what an engine failed of, once all that was thought before is said. */
  async *chunks(): AsyncGenerator<OutputChunk> {
    this.#scope.spawn('think', (signal) => this.#think(signal));
    const speak = this.#snapshot.modality === 'audio' ? this.#voices.speak : undefined;
    for await (const piece of this.#thoughts) {
      if (speak && isSpeakable(piece)) yield* this.#say(piece, speak);
      else yield { type: 'text', text: piece };
    }
    if (this.#scope.signal.aborted) return;
    yield* this.#calls;
    yield this.#ending;
  }

  /** A voice that the engine refuses costs the voice, never what was to be said. */
  async *#say(sentence: string, speak: Engine): AsyncGenerator<OutputChunk> {
    const { voice: usual = null, log } = this.#voices;
    let said = false;
    try {
      for await (const chunk of this.#spoken(sentence, speak)) {
        said = true;
        yield chunk;
      }
    } catch (error) {
      if (said || this.#voice === usual || this.#scope.signal.aborted) throw error;
      const { responseId: response } = this.#snapshot;
      const facts = { response, engine: speak.name, voice: this.#voice, error };
      log.warn(
        facts,
        `engine ${speak.name} does not speak as ${this.#voice}, so it speaks as always: ${messageOf(error)}`,
      );
      this.#voice = usual;
      yield* this.#spoken(sentence, speak);
    }
  }

  /** Its text goes out with the first of its audio: the transcript never says more than was spoken. */
  async *#spoken(sentence: string, speak: Engine): AsyncGenerator<OutputChunk> {
    let text: string | undefined = sentence;
    for await (const pcm of speech(
      speak,
      { text: sentence.trim(), voice: this.#voice },
      this.#scope.signal,
    )) {
      if (text !== undefined) yield { type: 'text', text };
      text = undefined;
      this.#times.reached('firstAudio');
      yield { type: 'audio', pcm };
    }
  }

  async #think(signal: AbortSignal): Promise<void> {
    const { think } = this.#voices;
    try {
      for await (const part of think.chat(chatQuestion(this.#snapshot), signal)) await this.#take(part);
      if (this.#thoughtChars === 0 && this.#calls.length === 0) {
        const message = `engine ${think.name}: chat: it answered without a single word`;
        throw new GreenroomError('engine_no_output', message);
      }
      await this.#thoughts.put(endOfText(this.#sentences));
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
    if (this.#snapshot.modality === 'text') return this.#thoughts.put([text]);
    const { state, sentences } = moreText(this.#sentences, text);
    this.#sentences = state;
    if (sentences.length > 0) this.#times.reached('firstSentence');
    await this.#thoughts.put(sentences);
  }
}

function cutBy(finish: string): EndingChunk['cutBy'] {
  if (finish === 'length') return 'max_output_tokens';
  return finish === 'content_filter' ? 'content_filter' : null;
}
