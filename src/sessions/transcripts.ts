// Has what the caller said written down: one tracked task for each item, which the conversation asks for one at a time.
import { toGreenroomError } from '../lifecycle/errors.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { Task } from '../lifecycle/task.ts';
import type { PipelineSession } from '../pipelines/pipeline.ts';
import type { ConversationInput } from '../realtime/state.ts';

export interface TranscriptsOptions {
  readonly scope: Scope;
  readonly pipelineSession: PipelineSession;
  readonly audioOf: (itemId: string) => Int16Array;
  readonly feed: (input: ConversationInput) => void;
  readonly onFault: (what: string, error: unknown) => void;
}

export class Transcripts {
  readonly #options: TranscriptsOptions;
  readonly #running = new Map<string, Task<void>>();

  constructor(options: TranscriptsOptions) {
    this.#options = options;
  }

  start(itemId: string, language: string | null): void {
    const { scope } = this.#options;
    // The session is ending: nobody waits for it.
    if (scope.state !== 'open') return;
    const task = scope.spawn(`transcript ${itemId}`, (signal) => this.#run(itemId, language, signal));
    this.#running.set(itemId, task);
    void task.done.then(() => this.#running.delete(itemId));
  }

  /** The item is gone. */
  stop(itemId: string): void {
    this.#running.get(itemId)?.abort('done');
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
      const { code, message } = toGreenroomError(thrown);
      onFault('a transcript', thrown);
      feed({ type: 'transcript_failed', itemId, code, message });
    }
  }
}
