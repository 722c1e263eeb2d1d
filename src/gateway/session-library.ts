// The sessions of a gateway, those that are open and those that were: what is live comes from the registry, everything else
// from the store, which is flushed first, so that what was just said is there.
import type { Clock } from '../lifecycle/clock.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import type { Recordings } from '../recordings/recordings.ts';
import type { SessionFacts } from '../sessions/session-facts.ts';
import type { Archive, ExportFormat, Removed, SessionFound } from '../store/archive.ts';
import { shownItem, shownRecording, shownTask } from '../store/export/as-json.ts';
import type { Store } from '../store/store.ts';
import type { TaskDesk } from '../tasks/task-desk.ts';
import type { SessionQuestion } from './session-question.ts';

export interface SessionLibraryOptions {
  readonly sessions: () => readonly SessionFacts[];
  /** Undefined: nothing is kept. */
  readonly store: (Pick<Store, 'flush'> & Archive) | undefined;
  readonly recordings: Pick<Recordings, 'removeSession'>;
  readonly tasks: TaskDesk;
  readonly clock: Clock;
}

/** A session as the API shows it, open or not. */
export interface SessionShown extends Omit<SessionFacts, 'state'> {
  readonly state: SessionFacts['state'] | 'closed' | 'unclean';
  readonly openedAtMs: number;
  readonly closedAtMs: number | null;
  readonly reason: string | null;
  readonly closeCode: number | null;
  readonly answers: number | null;
  readonly recordings: number | null;
  readonly matches?: SessionFound['matches'];
}

export class SessionLibrary {
  readonly #options: SessionLibraryOptions;

  constructor(options: SessionLibraryOptions) {
    this.#options = options;
  }

  /** The newest first, and where the next ones begin. */
  async list(question: SessionQuestion) {
    const { words, state, cursor, limit } = question;
    // Whoever is here is known without asking a disk.
    if (state === 'open' && !words && cursor === undefined && limit === undefined)
      return { data: this.#open(question), nextCursor: null };
    const { store } = this.#options;
    const searched = limit ?? limitDefault;
    if (!store) {
      if (words) throw notKept('searched');
      return { data: state === 'ended' ? [] : this.#open(question).slice(0, searched), nextCursor: null };
    }
    const { state: flushed } = await store.flush();
    const found = await store.findSessions({
      ...{ pipeline: question.pipeline, sinceMs: question.sinceMs, untilMs: question.untilMs, words },
      ...{ before: cursor, limit: searched, state: state === 'all' ? undefined : state },
    });
    const data = found.map((one) => this.#shown(one, words !== undefined));
    // Of those that are open, as the disk does not take their rows.
    const unwritten =
      flushed === 'lost' && state !== 'ended' && !words && cursor === undefined
        ? this.#open(question).filter(({ id }) => !found.some((one) => one.id === id))
        : [];
    const nextCursor = found.length < searched ? null : String(found.at(-1)?.seq);
    return { data: [...unwritten, ...data], nextCursor };
  }

  /** Throws `not_found`. */
  async one(id: string) {
    const whole = await this.#whole(id);
    if (!whole) {
      const live = this.#open({ state: 'open' }).find((one) => one.id === id);
      if (live) return { session: live, recordings: [], tasks: [], items: [], nextCursor: null };
      throw unknown(id);
    }
    const { items, nextCursor } = await this.items(id, 0, itemsLimit);
    return {
      session: this.#shown(whole.session, false),
      recordings: whole.recordings.map(shownRecording),
      tasks: whole.tasks.map(shownTask),
      ...{ items, nextCursor },
    };
  }

  /** Throws `not_found`. */
  async items(id: string, from: number, limit: number) {
    const { store } = this.#options;
    if (!store) throw notKept('read');
    if (from === 0 && !(await this.#whole(id))) throw unknown(id);
    const { items, next } = await store.itemsOf(id, from, limit);
    return { items: items.map(shownItem), nextCursor: next === null ? null : String(next) };
  }

  /** A text in pieces. Of an open one: as far as it has come. Throws `not_found`. */
  async exported(id: string, format: ExportFormat, take: number | null): Promise<readonly string[]> {
    const { store } = this.#options;
    if (!store) throw notKept('exported');
    await store.flush();
    const pieces = await store.exported(id, format, take);
    if (pieces) return pieces;
    if (take === null || !(await store.wholeSession(id))) throw unknown(id);
    throw new GreenroomError('not_found', `session ${id} has no recording ${take}`);
  }

  /** With its recordings and their files. Idempotent. Throws `session_open`. */
  async remove(id: string): Promise<Removed> {
    const { sessions, store, recordings, tasks } = this.#options;
    if (sessions().some((one) => one.id === id)) {
      const message = `session ${id} is open: it can be removed when its caller has left`;
      throw new GreenroomError('session_open', message, { details: { session: id } });
    }
    if (tasks.live(id)) {
      const message = `session ${id} has ended, and background work of it goes on: it can be removed when that is over (GET /api/sessions/${id}/tasks)`;
      throw new GreenroomError('session_open', message, { details: { session: id } });
    }
    // Files first: what is left when this fails is found by the next attempt.
    const takes = await recordings.removeSession(id);
    if (!store) return { sessions: 0, items: 0, tasks: 0, recordings: takes };
    const flushed = await store.flush();
    if (flushed.state === 'lost') {
      const message = `records wait for the disk (${flushed.why}), those of session ${id} perhaps among them: ask again when they are written`;
      throw new GreenroomError('store_busy', message, { details: { session: id } });
    }
    const removed = await store.removeSession(id);
    return { ...removed, recordings: Math.max(takes, removed.recordings) };
  }

  async #whole(id: string) {
    const { store } = this.#options;
    await store?.flush();
    return store?.wholeSession(id);
  }

  #open({ pipeline, sinceMs = 0, untilMs = Number.POSITIVE_INFINITY }: SessionQuestion) {
    const nowMs = this.#options.clock.wallTime();
    return this.#options
      .sessions()
      .map((facts) => ({ ...facts, ...ofOpen, openedAtMs: Math.round(nowMs - facts.ageMs) }))
      .filter((one) => pipeline === undefined || one.pipeline === pipeline)
      .filter(({ openedAtMs }) => openedAtMs >= sinceMs && openedAtMs < untilMs)
      .reverse();
  }

  #shown(found: SessionFound, searched: boolean): SessionShown {
    const {
      id,
      pipeline,
      generation,
      remote,
      openedAtMs,
      closedAtMs,
      reason,
      closeCode,
      recordings,
      matches,
    } = found;
    const kept = { id, pipeline, generation, remote, openedAtMs, closedAtMs, reason, closeCode, recordings };
    const { items, answers, state } = found;
    const live = state === 'open' && this.#options.sessions().find((one) => one.id === id);
    const endMs = closedAtMs ?? this.#options.clock.wallTime();
    const now = live || {
      // Its row is on its way.
      ...{ state: state === 'open' ? ('closing' as const) : state, items },
      ...{ ageMs: Math.max(0, endMs - openedAtMs), response: null },
      ...{ pendingBytes: 0, awayLeftMs: null },
    };
    return { ...now, ...kept, answers, ...(searched && { matches }) };
  }
}

const ofOpen = { closedAtMs: null, reason: null, closeCode: null, answers: null, recordings: null } as const;

const limitDefault = 100;
/** Of one answer. */
export const itemsLimit = 1000;

function unknown(id: string): GreenroomError {
  return new GreenroomError(
    'not_found',
    `no session ${JSON.stringify(id.slice(0, 96))} is open, and none was kept; GET /api/sessions?state=all has all`,
  );
}

function notKept(what: string): GreenroomError {
  return new GreenroomError(
    'not_found',
    `nothing of sessions is kept here, and nothing can be ${what}: \`store: none\` of the configuration says so`,
  );
}
