// A store that keeps its rows in memory: for tests, and as the other one that keeps every promise of a store.
import {
  type EngineRunRow,
  type Flushed,
  type ItemRow,
  inConversationOrder,
  type SessionQuery,
  type SessionRow,
  type Store,
  sessionsListed,
  type TaskRow,
  type TurnRow,
  turnsListedMax,
  type Write,
} from '../../src/store/store.ts';

export class MemoryStore implements Store {
  readonly writes: Write[] = [];
  readonly #run: string;
  readonly #sessions = new Map<string, SessionRow>();
  readonly #items: ItemRow[] = [];
  readonly #runs = new Map<string, EngineRunRow>();
  readonly #turns: TurnRow[] = [];
  readonly #tasks = new Map<string, TaskRow>();

  constructor(run = 'run') {
    this.#run = run;
  }

  write(write: Write): void {
    this.writes.push(write);
    switch (write.type) {
      case 'session': {
        const run = this.#sessions.get(write.row.id)?.run ?? this.#run;
        return void this.#sessions.set(write.row.id, { ...write.row, run });
      }
      case 'engine_run':
        return void this.#runs.set(write.row.id, { ...write.row, run: this.#run });
      case 'task':
        return void this.#tasks.set(write.row.id, { ...write.row, run: this.#run });
      case 'turn':
        return void this.#turns.push(write.row);
      case 'item': {
        const { text, status, updatedAtMs } = write.row;
        if (!this.#change(write.row, { text, status, updatedAtMs }))
          this.#items.push({ ...write.row, heardMs: null, source: null, filler: null, deletedAtMs: null });
        return;
      }
      case 'item_truncated':
      case 'item_source':
      case 'item_deleted':
        this.#change(write.row, write.row);
    }
  }

  async flush(): Promise<Flushed> {
    return { state: 'saved' };
  }

  async listSessions({ state, limit = sessionsListed.default, before }: SessionQuery = {}) {
    const rows = [...this.#sessions.values()].reverse();
    const from = before === undefined ? 0 : rows.findIndex(({ id }) => id === before) + 1;
    const older = before !== undefined && from === 0 ? [] : rows.slice(from);
    const fits = (row: SessionRow) =>
      state === undefined || row.state === state || (state === 'past' && row.state !== 'open');
    return older.filter(fits).slice(0, Math.min(limit, sessionsListed.max));
  }

  async sessionItems(sessionId: string) {
    return inConversationOrder(this.#items.filter((item) => item.sessionId === sessionId));
  }

  async sessionTasks(sessionId: string) {
    return [...this.#tasks.values()].filter((task) => task.sessionId === sessionId);
  }

  async sessionTurns(sessionId: string) {
    return this.#turns.filter((turn) => turn.sessionId === sessionId).slice(-turnsListedMax);
  }

  async lastLoads(modelKey: string, count: number) {
    return [...this.#runs.values()]
      .filter((run) => run.modelKey === modelKey && run.loadMs !== null)
      .sort((a, b) => (b.readyAtMs ?? 0) - (a.readyAtMs ?? 0))
      .slice(0, count)
      .map(({ loadMs }) => loadMs ?? 0);
  }

  async close(): Promise<void> {
    // Nothing is held.
  }

  /** Of the item that is there; a deleted one with the same id is another. */
  #change({ sessionId, id }: Pick<ItemRow, 'sessionId' | 'id'>, changes: Partial<ItemRow>): boolean {
    const at = this.#items.findIndex(
      (item) => item.sessionId === sessionId && item.id === id && item.deletedAtMs === null,
    );
    const before = this.#items[at];
    if (!before) return false;
    this.#items[at] = { ...before, ...changes };
    return true;
  }
}
