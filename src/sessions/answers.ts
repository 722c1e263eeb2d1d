// The answers under way of one session: each a tracked task that takes the pipeline's output no faster than the caller
// takes ours.
import { turn } from '../lifecycle/clock.ts';
import { toGreenroomError } from '../lifecycle/errors.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { Task } from '../lifecycle/task.ts';
import type { PipelineSession } from '../pipelines/pipeline.ts';
import { type StageMeter, StageTimes, type TurnTimes } from '../pipelines/stage-times.ts';
import type { SentChunk } from '../realtime/chunks.ts';
import type { ConversationInput, ResponseSnapshot } from '../realtime/state.ts';
import type { Item } from '../wire/items.ts';
import { ResponseAudio } from './response-audio.ts';

/** An answer that has more to say lets the others have a turn of the loop this often. */
const holdMsMax = 8;

export interface AnswersOptions {
  readonly scope: Scope;
  /** Resolves when the caller has room for more. */
  readonly room: (signal: AbortSignal) => Promise<void>;
  readonly pipelineSession: Pick<PipelineSession, 'respond'>;
  readonly audioOf: (itemId: string) => Int16Array;
  /** When what it answers was spoken. */
  readonly turnOf: (items: readonly Item[]) => TurnTimes | undefined;
  /** Of the pipeline; undefined: nobody counts. */
  readonly stages: StageMeter | undefined;
  /** Once for each, when it has ended in whatever way. */
  readonly onEnded: (answer: EndedAnswer) => void;
  readonly feed: (input: ConversationInput) => void;
  readonly onFault: (what: string, error: unknown) => void;
}

export interface EndedAnswer {
  readonly responseId: string;
  /** What it answered: the last item of the conversation when it began. */
  readonly itemId: string | null;
  readonly state: 'done' | 'stopped' | 'failed';
  readonly beganAtMs: number;
  readonly stages: ReturnType<StageTimes['stages']>;
}

export class Answers {
  readonly #options: AnswersOptions;
  readonly #running = new Map<string, Task<void>>();

  constructor(options: AnswersOptions) {
    this.#options = options;
  }

  start(snapshot: ResponseSnapshot): void {
    const { scope } = this.#options;
    // The session is ending: its caller gets no answer any more, and needs none.
    if (scope.state !== 'open') return;
    const { responseId } = snapshot;
    const task = scope.spawn(`answer ${responseId}`, (signal) => this.#run(snapshot, signal));
    this.#running.set(responseId, task);
    void task.done.then(() => this.#running.delete(responseId));
  }

  stop(responseId: string): void {
    this.#running.get(responseId)?.abort('done');
  }

  async #run(snapshot: ResponseSnapshot, signal: AbortSignal): Promise<void> {
    const { scope, room, feed, turnOf, stages, onEnded } = this.#options;
    const { responseId, items } = snapshot;
    const times = new StageTimes(scope.clock, turnOf(items));
    const began = { responseId, itemId: items.at(-1)?.id ?? null, beganAtMs: scope.clock.wallTime() };
    let state: EndedAnswer['state'] = 'stopped';
    const audio = new ResponseAudio(snapshot.session.audio.output.format);
    let turnMs = scope.clock.now();
    try {
      for await (const chunk of this.#chunks({ snapshot, times }, audio, signal)) {
        if (signal.aborted) return;
        feed({ type: 'output', responseId, chunk, atMs: scope.clock.now() });
        await room(signal);
        if (scope.clock.now() - turnMs > holdMsMax) {
          await turn(scope.clock);
          turnMs = scope.clock.now();
        }
        if (signal.aborted) return;
      }
      // A pipeline that was told to stop has ended early: that is no completed answer.
      if (signal.aborted) return;
      state = 'done';
      feed({ type: 'output_ended', responseId });
    } catch (thrown) {
      if (signal.aborted) return;
      state = 'failed';
      const error = toGreenroomError(thrown);
      this.#options.onFault('an answer', thrown);
      for (const chunk of audio.end()) feed({ type: 'output', responseId, chunk, atMs: scope.clock.now() });
      feed({ type: 'output_failed', responseId, code: error.code, message: error.message });
    } finally {
      times.ended();
      if (stages) times.measure(stages);
      onEnded({ ...began, state, stages: times.stages() });
    }
  }

  async *#chunks(
    asked: { readonly snapshot: ResponseSnapshot; readonly times: StageTimes },
    audio: ResponseAudio,
    signal: AbortSignal,
  ): AsyncGenerator<SentChunk> {
    const { pipelineSession, audioOf } = this.#options;
    for await (const chunk of pipelineSession.respond({ ...asked, audioOf }, signal))
      yield* audio.take(chunk);
    yield* audio.end();
  }
}
