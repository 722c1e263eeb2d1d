// The tape of one session: off, or one take after the other. It knows what its caller and the API want, tells the caller
// how that stands, and never holds the session up.
//
//     off ──switch on──▶ starting ──it is there──▶ on ──switch off, the session ends──▶ off
//                            └──────────┬───────────┘
//                                       └──it cannot be written──▶ off, and the caller is told

import type { StreamPlace } from '../audio/webm/demuxer.ts';
import type { Clock } from '../lifecycle/clock.ts';
import type { CloseReason } from '../lifecycle/reasons.ts';
import type { Tape, TapeSession } from '../sessions/tape.ts';
import type { RecordingNotice } from '../wire/notices.ts';
import type { WireText } from '../wire/text-frame.ts';
import type { TakeFacts } from './facts.ts';
import type { Recorder } from './recorder.ts';

/** How the recording of a session stands. */
export interface Switched {
  readonly session: string;
  readonly state: 'on' | 'off' | 'failed';
  /** The one under way, or the last one; null: there was none. */
  readonly take: number | null;
  readonly message: string;
}

export interface SessionTapeOptions {
  readonly session: TapeSession;
  readonly recorder: Pick<Recorder, 'take'>;
  readonly clock: Clock;
  readonly begins: 'on' | 'off';
  readonly newKey: () => number;
  readonly onEnd: () => void;
}

interface Take {
  readonly key: number;
  /** As wished; the disk may have had it already. */
  number: number;
  readonly startedMs: number;
  state: 'starting' | 'on' | 'off';
  heard: 'nothing' | 'something';
  readonly settled: PromiseWithResolvers<Switched>;
  readonly ended: PromiseWithResolvers<Switched>;
}

/** Looked for in every event that goes out: so its beginning has to do. */
const tellsFormats = /^\s*\{.{0,120}"type"\s*:\s*"(?:transcription_)?session\.(?:created|updated)"/;

export class SessionTape implements Tape {
  readonly #options: SessionTapeOptions;
  /** By key: the one under way, and those that are being ended. */
  readonly #takes = new Map<number, Take>();
  #current: Take | undefined;
  /** Numbers are not used again, whatever has become of their takes. */
  #number = 0;
  /** The last event that says what is in effect, and whose formats a take would not know otherwise. */
  #context: string | undefined;
  #state: 'open' | 'ended' = 'open';

  constructor(options: SessionTapeOptions) {
    this.#options = options;
  }

  /** Nothing of it is under way. */
  get idle(): boolean {
    return this.#takes.size === 0;
  }

  begin(wanted = this.#options.begins === 'on'): void {
    if (wanted) void this.switch(true);
  }

  heard(text: WireText, placeOf?: () => StreamPlace | undefined): void {
    const take = this.#current;
    if (!take) return;
    // Before the first event that it hears nothing of a stream is in it: all that is known of it is where it is.
    const place = take.heard === 'nothing' ? placeOf?.() : undefined;
    take.heard = 'something';
    if (place) this.#options.recorder.take({ type: 'place', key: take.key, place });
    this.#note(take, 'caller', `${text}`);
  }

  told(text: WireText): void {
    // Only audio goes out as the bytes that came.
    if (typeof text === 'string' && tellsFormats.test(text.slice(0, 256))) this.#context = text;
    if (this.#current) this.#note(this.#current, 'gateway', `${text}`);
  }

  ask(on: boolean): void {
    const before = this.#current;
    // What changes nothing is told at once, what changes something when it has.
    void this.switch(on).then((switched) => {
      if (before === this.#current && switched.state !== 'failed') this.#tell(switched);
    });
  }

  /** Idempotent. Resolves when it is so, or cannot be. */
  switch(on: boolean): Promise<Switched> {
    if (on) return this.#on();
    return this.#off('switched_off');
  }

  end(reason: CloseReason): void {
    this.#state = 'ended';
    void this.#off(reason);
    this.#options.onEnd();
  }

  /** Told by the recorder: a take of this session has begun, or ended. False: it is not of this one. */
  changed(key: number, facts: TakeFacts): boolean {
    const take = this.#takes.get(key);
    if (!take) return false;
    const { id, state, error } = facts;
    if (state === 'recording') {
      if (take.state === 'starting') take.state = 'on';
      take.number = facts.take;
      this.#number = Math.max(this.#number, facts.take);
      this.#settle(take, 'on', `recording ${id}`);
    } else if (error) this.#lost(take, error.message);
    else {
      this.#takes.delete(key);
      take.ended.resolve(this.#tell(this.#switched(take, 'off', `recording ${id} has ended`)));
    }
    return true;
  }

  /** A take never began, or nobody knows how it stands. False: it is not of this session. */
  lost(key: number | 'all', message: string): boolean {
    const lost = [...this.#takes.values()].filter((take) => key === 'all' || take.key === key);
    for (const take of lost) this.#lost(take, message);
    return lost.length > 0;
  }

  async #on(): Promise<Switched> {
    const { session, clock, newKey, recorder } = this.#options;
    if (this.#current) return this.#current.settled.promise;
    if (this.#state === 'ended') return this.#nothing('the session has ended');
    this.#number += 1;
    const take: Take = {
      ...{ key: newKey(), number: this.#number, startedMs: clock.now(), state: 'starting', heard: 'nothing' },
      settled: Promise.withResolvers(),
      ended: Promise.withResolvers(),
    };
    const taken = recorder.take({
      ...{ type: 'start', key: take.key, name: { session: session.id, take: take.number } },
      ...{ pipeline: session.pipeline, formats: session.formats, atMs: clock.wallTime() },
      context: this.#context === undefined ? [] : [this.#context],
    });
    if (taken === 'closed') return this.#nothing('the gateway is leaving');
    this.#takes.set(take.key, take);
    this.#current = take;
    return take.settled.promise;
  }

  async #off(reason: string): Promise<Switched> {
    const { recorder, clock } = this.#options;
    const take = this.#current;
    if (!take) return this.#nothing('nothing is being recorded');
    this.#current = undefined;
    take.state = 'off';
    recorder.take({ type: 'stop', key: take.key, reason, atMs: clock.wallTime() });
    return take.ended.promise;
  }

  #note(take: Take, from: 'caller' | 'gateway', text: string): void {
    const { recorder, clock } = this.#options;
    const ms = Math.round((clock.now() - take.startedMs) * 10) / 10;
    if (recorder.take({ type: 'event', key: take.key, from, ms, text }) !== 'full') return;
    const why = `recording ${this.#id(take)} cannot be written: the disk does not keep up, and too much waits for it`;
    this.#current = undefined;
    take.state = 'off';
    recorder.take({ type: 'fail', key: take.key, why, atMs: clock.wallTime() });
  }

  #lost(take: Take, message: string): void {
    this.#takes.delete(take.key);
    if (this.#current === take) this.#current = undefined;
    const switched = this.#switched(take, 'failed', message);
    take.settled.resolve(switched);
    take.ended.resolve(switched);
    this.#tell(switched);
  }

  #settle(take: Take, state: Switched['state'], message: string): void {
    take.settled.resolve(this.#tell(this.#switched(take, state, message)));
  }

  #nothing(message: string): Switched {
    const take = this.#number === 0 ? null : this.#number;
    return { session: this.#options.session.id, state: 'off', take, message };
  }

  #switched(take: Take, state: Switched['state'], message: string): Switched {
    return { session: this.#options.session.id, state, take: take.number, message };
  }

  #tell(switched: Switched): Switched {
    const { state, take, message } = switched;
    const code = state === 'failed' ? 'recording_failed' : 'recording';
    const notice: RecordingNotice = { type: 'greenroom.notice', code, state, take, message };
    if (this.#state === 'open') this.#options.session.notice(notice);
    return switched;
  }

  #id(take: Take): string {
    return `${this.#options.session.id}/${take.number}`;
  }
}
