// What a task needs of the session that it belongs to, whatever answers that.
import type { Item } from '../wire/items.ts';
import type { KeepaliveNotice, TaskNotice } from '../wire/notices.ts';

export interface TaskHost {
  /** The conversation as it is now; never changed afterwards. Also of a session that has ended. */
  transcript(): readonly Item[];
  /** These items of a transcript, with words in them that are still being written down. Default: there are none. */
  written?(items: readonly Item[], signal: AbortSignal): Promise<readonly Item[]>;
  /** To a caller that asked for notices. No effect once the session has ended. */
  notice(event: TaskNotice | KeepaliveNotice): void;
  /**
   * Has something said, as an answer of its own, once no other is under way and nobody speaks. Given up, with a line in
   * the log, when that does not come about.
   */
  speak(summary: TaskSummary): void;
}

export interface TaskSummary {
  /** Of the task. */
  readonly id: string;
  readonly name: string;
  /** In place of the session's own, for this answer. */
  readonly instructions: string;
  /** What stands for a caller who asks for it. */
  readonly prompt: string;
  /** For this answer, where that is safe; null: the session's own. */
  readonly voice: string | null;
}
