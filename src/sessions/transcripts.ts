// Has what the caller said written down: one tracked task for each item, which the conversation asks for one at a time.
// Where the pipeline can, it is begun while the caller still speaks (`listen`), and only taken up when it is asked for;
// what came of that before is told then. Whatever goes wrong with it before, the item is heard whole, as without it.
import { orAborted } from '../engines/http/or-aborted.ts';
import { toGreenroomError } from '../lifecycle/errors.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { Task } from '../lifecycle/task.ts';
import type { PipelineSession } from '../pipelines/pipeline.ts';
import type { ConversationInput } from '../realtime/state.ts';
import type { InputAudio } from './input-audio.ts';
import { SpeechFeed } from './speech-feed.ts';

export interface TranscriptsOptions {
  readonly scope: Scope;
  readonly pipelineSession: Pick<PipelineSession, 'hear' | 'listen'>;
  readonly input: InputAudio;
  readonly audioOf: (itemId: string) => Int16Array;
  readonly feed: (input: ConversationInput) => void;
  readonly onFault: (what: string, error: unknown) => void;
  /** What was heard so far of an item that is not there yet. */
  readonly onPartial: (itemId: string, text: string) => void;
}

interface Listening {
  readonly itemId: string;
  readonly speech: SpeechFeed;
  task?: Task<void>;
  /** `wanted`: its item is there, and waits for it. `over`: of no use. */
  state: 'ahead' | 'wanted' | 'over';
  text: string | undefined;
  readonly language: string | null;
  /** It is wanted. */
  readonly asked: PromiseWithResolvers<void>;
}

export class Transcripts {
  readonly #options: TranscriptsOptions;
  readonly #running = new Map<string, Task<void>>();
  /** Of the turn under way, and of those before that are not written down yet. */
  readonly #listening = new Map<string, Listening>();

  constructor(options: TranscriptsOptions) {
    this.#options = options;
  }

  /** Somebody speaks, and the item that comes of it will have this id. */
  listen(itemId: string, fromSample: number, language: string | null): void {
    const { scope, pipelineSession, input } = this.#options;
    if (scope.state !== 'open' || !pipelineSession.listen) return;
    const speech = new SpeechFeed(input, fromSample);
    const asked = Promise.withResolvers<void>();
    const listening: Listening = { itemId, speech, asked, language, state: 'ahead', text: undefined };
    this.#listening.set(itemId, listening);
    const task = scope.spawn(`listen ${itemId}`, async (signal) => {
      const heard = pipelineSession.listen?.({ itemId, pcm: speech, language }, signal);
      if (heard) await this.#listened(listening, heard, signal);
    });
    listening.task = task;
    void task.done.then(() => this.#listening.delete(itemId));
  }

  /** Up to here it is known where turns end: what is open is of the turn under way. */
  spoken(toSample: number): void {
    for (const { speech } of this.#listening.values()) speech.openTo(toSample);
  }

  /** The speech that makes this item is over, and still in the input. */
  ended(itemId: string, toSample: number): void {
    this.#listening.get(itemId)?.speech.endAt(toSample);
  }

  start(itemId: string, language: string | null): void {
    const listening = this.#listening.get(itemId);
    if (!listening || listening.state === 'over') return this.#hear(itemId, language);
    listening.state = 'wanted';
    listening.asked.resolve();
    const { text } = listening;
    if (text !== undefined) this.#options.feed({ type: 'transcript', itemId, text });
  }

  /** The item is gone, or will not come. */
  stop(itemId: string): void {
    this.#running.get(itemId)?.abort('done');
    const listening = this.#listening.get(itemId);
    listening?.speech.stop();
    listening?.task?.abort('done');
  }

  async #listened(listening: Listening, heard: AsyncIterable<string>, signal: AbortSignal): Promise<void> {
    const { feed, onPartial, onFault, audioOf } = this.#options;
    const { itemId, speech } = listening;
    try {
      for await (const text of heard) {
        if (signal.aborted) return;
        listening.text = text;
        if (listening.state === 'wanted') feed({ type: 'transcript', itemId, text });
        else onPartial(itemId, text);
      }
      if (signal.aborted) return;
    } catch (thrown) {
      if (signal.aborted) return;
      onFault('a transcript while it was spoken', thrown);
      if (wanted(listening)) return this.#failed(itemId, thrown);
      listening.text = undefined;
    }
    const text = speech.ended ? listening.text : undefined;
    if (text === undefined) return this.#again(listening);
    // Its item comes with the end of the speech, and others may have to be written down before it.
    await orAborted(listening.asked.promise, signal);
    if (!signal.aborted) feed({ type: 'transcript_ended', itemId, text, samples: audioOf(itemId).length });
  }

  /** It ended before the speech did. */
  #again(listening: Listening): void {
    const { itemId, language } = listening;
    const before = listening.state;
    listening.state = 'over';
    listening.speech.stop();
    if (before === 'wanted') this.#hear(itemId, language);
  }

  #hear(itemId: string, language: string | null): void {
    const { scope } = this.#options;
    // The session is ending: nobody waits for it.
    if (scope.state !== 'open') return;
    const task = scope.spawn(`transcript ${itemId}`, (signal) => this.#run(itemId, language, signal));
    this.#running.set(itemId, task);
    void task.done.then(() => this.#running.delete(itemId));
  }

  async #run(itemId: string, language: string | null, signal: AbortSignal): Promise<void> {
    const { pipelineSession, audioOf, feed, onFault } = this.#options;
    try {
      const pcm = audioOf(itemId);
      let text = '';
      for await (const heard of pipelineSession.hear({ itemId, pcm, language }, signal)) {
        if (signal.aborted) return;
        text = heard;
        feed({ type: 'transcript', itemId, text });
      }
      if (!signal.aborted) feed({ type: 'transcript_ended', itemId, text, samples: pcm.length });
    } catch (thrown) {
      if (signal.aborted) return;
      onFault('a transcript', thrown);
      this.#failed(itemId, thrown);
    }
  }

  #failed(itemId: string, thrown: unknown): void {
    const { code, message } = toGreenroomError(thrown);
    this.#options.feed({ type: 'transcript_failed', itemId, code, message });
  }
}

/** It may have become so meanwhile. */
const wanted = ({ state }: Listening): boolean => state === 'wanted';
