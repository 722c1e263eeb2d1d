// The store's table of recordings, kept in step with the disk: a look at the whole folder when the recordings' thread
// starts, then every change. In the order in which they were told, a few at a time, so that a folder with very many takes
// pushes nothing else out of the store's queue. Whoever makes it need not close it: it does nothing by itself.
import { extname } from 'node:path';
import type { TakeFacts } from '../recordings/facts.ts';
import type { Recordings } from '../recordings/recordings.ts';
import type { RecordingRow, Store, Write } from '../store/store.ts';

export interface RecordingsLedgerOptions {
  readonly store: Pick<Store, 'write' | 'flush'>;
  readonly recordings: Pick<Recordings, 'changes' | 'looks'>;
  /** Names each look. */
  readonly newId: () => string;
}

const togetherMax = 500;

export class RecordingsLedger {
  readonly #options: RecordingsLedgerOptions;
  #shelf: string;
  #waiting: Write[] = [];
  #state: 'idle' | 'writing' = 'idle';

  constructor(options: RecordingsLedgerOptions) {
    const { recordings, newId } = options;
    this.#options = options;
    this.#shelf = newId();
    recordings.looks.listen((takes) => this.#looked(takes));
    recordings.changes.listen(({ type, take }) =>
      this.#write([
        type === 'removed'
          ? { type: 'recording_removed', row: { id: take.id } }
          : { type: 'recording', row: this.#row(take) },
      ]),
    );
  }

  #looked(takes: readonly TakeFacts[]): void {
    this.#shelf = this.#options.newId();
    this.#write([
      ...takes.map((take): Write => ({ type: 'recording', row: this.#row(take) })),
      { type: 'recordings_seen', row: { shelf: this.#shelf } },
    ]);
  }

  #write(writes: readonly Write[]): void {
    this.#waiting = this.#waiting.concat(writes);
    if (this.#state === 'idle') void this.#drain();
  }

  async #drain(): Promise<void> {
    const { store } = this.#options;
    this.#state = 'writing';
    while (this.#waiting.length > 0) {
      const some = this.#waiting.splice(0, togetherMax);
      for (const write of some) store.write(write);
      // A single one need not hurry; of many the next ones wait for these, or for the disk to say no.
      if (this.#waiting.length > 0) await store.flush();
    }
    this.#state = 'idle';
  }

  #row(take: TakeFacts): RecordingRow {
    const { id, session: sessionId, pipeline, state, reason, startedAtMs, endedAtMs, bytes } = take;
    return {
      ...{ id, sessionId, take: take.take, pipeline, state, reason, startedAtMs, endedAtMs, bytes },
      durationMs: Math.round(Math.max(take.caller.durationMs, take.assistant.durationMs)),
      container: extname(take.caller.file).slice(1),
      shelf: this.#shelf,
    };
  }
}
