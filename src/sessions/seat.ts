// Who sits at the other end of a session: its caller's leg, or for a while nobody, when the connection was lost and the
// caller has asked to be able to come back. The session goes on meanwhile; what it would tell is in what it has, and a
// caller that comes back is told that first. Owned by the session's scope, below which every leg has its own.
//
//     seated ──lost──▶ away ──come──▶ seated        away ──the window is over──▶ ended
//       └──come──▶ seated (the leg before is replaced, and touches nothing any more)

import type { Timer } from '../lifecycle/clock.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import type { CloseReason } from '../lifecycle/reasons.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { NewId } from '../wire/ids.ts';
import type { JsonObject } from '../wire/json.ts';
import type { ServerEvent } from '../wire/server-events.ts';
import type { WireText } from '../wire/text-frame.ts';
import type { Call } from './call.ts';
import { CallerLeg, type LegEnd } from './caller-leg.ts';
import type { CallersPlace } from './callers-place.ts';
import { MissedNotices } from './missed-notices.ts';
import type { SessionLimits } from './session-options.ts';
import type { Tape } from './tape.ts';
import type { Transport } from './transport.ts';

export interface Caller {
  readonly transport: Transport;
  /** It asked for our own notices. */
  readonly notices: boolean;
}

export interface SeatOptions {
  /** Of the session. */
  readonly id: string;
  readonly scope: Scope;
  readonly limits: Pick<SessionLimits, 'keepaliveMs' | 'queueBytesMax' | 'resumeMs'>;
  /** Hears everything that the session tells, once, whoever sits here or does not; nothing that is told again. */
  readonly tape: Pick<Tape, 'told'> | undefined;
  /** Who speaks in it. */
  readonly place: Pick<CallersPlace, 'taken' | 'admits' | 'noted' | 'told' | 'back'>;
  readonly newId: NewId;
  /** 0 to 1. */
  readonly random: () => number;
  readonly why: () => GreenroomError | undefined;
  /** The session has to end: its caller will not be there any more. */
  readonly onEnd: (reason: CloseReason, error?: GreenroomError) => void;
  readonly onChange: (change: 'away' | 'resumed' | 'replaced', why: string) => void;
  readonly onTerminated: () => void;
}

/** A close frame is given so long to be answered; then the connection is ended. */
export const closeGraceMs = 1000;

export class Seat {
  readonly #options: SeatOptions;
  /** Of its legs. Opened first, so that everything else of the session can still tell how it ends. */
  readonly #scope: Scope;
  #leg: CallerLeg | undefined;
  readonly #missed = new MissedNotices();
  #call: Call | undefined;
  #window: Timer | undefined;
  #leftMs = 0;
  #legs = 0;
  #remote = '';
  #callersCode: number | undefined;

  constructor(options: SeatOptions, caller: Caller) {
    this.#options = options;
    this.#scope = options.scope.child('seat', { kind: 'seat', graceMs: closeGraceMs });
    this.#scope.defer('window', () => this.#window?.cancel());
    this.#leg = this.#open(caller);
  }

  get state(): 'seated' | 'away' | 'ended' {
    if (this.#options.scope.state !== 'open') return 'ended';
    return this.#leg ? 'seated' : 'away';
  }

  /** How long its caller may still come back; null while it is there. */
  get awayLeftMs(): number | null {
    const { scope, limits } = this.#options;
    if (this.state !== 'away') return null;
    return Math.max(0, Math.round(this.#leftMs + limits.resumeMs - scope.clock.now()));
  }

  get remote(): string {
    return this.#remote;
  }

  /** Whether its caller asked for our own notices. */
  get notices(): boolean {
    return this.#leg?.notices ?? false;
  }

  get pendingBytes(): number {
    return this.#leg?.outbox.pendingBytes ?? 0;
  }

  /** Whether the caller has too much to take. */
  get full(): boolean {
    return this.#leg?.outbox.full ?? false;
  }

  /** As the caller has closed it. */
  get callersCode(): number | undefined {
    return this.#callersCode;
  }

  /** The session is set up, and has told its caller what it has: what has come since is handled. */
  attach(call: Call): void {
    this.#call = call;
    this.#leg?.read();
  }

  send(event: ServerEvent | JsonObject): void {
    if (!this.#leg) this.#missed.note(event);
    const { type } = event;
    if (typeof type === 'string' && type.startsWith('greenroom.') && !this.notices) return;
    const { tape, place, newId } = this.#options;
    // What nobody hears is not written.
    if (this.#leg || tape || place.taken) this.pass(JSON.stringify({ event_id: newId('event'), ...event }));
  }

  /** A whole event, as it is to travel. */
  pass(text: WireText): void {
    const { tape, place } = this.#options;
    tape?.told(text);
    this.#leg?.outbox.pass(text);
    place.told(text);
  }

  /** Resolves when there is room for more of an answer. Nobody there takes everything. */
  room(signal: AbortSignal): Promise<void> {
    return this.#leg?.outbox.room(signal) ?? Promise.resolve();
  }

  /** There was something in the way of what the caller has sent, and is not any more. */
  read(): void {
    if (this.#call) this.#leg?.read();
  }

  /**
   * The caller is here again, over another connection; one that is there is replaced. It is told what there is, and then
   * what happens. To be asked only of a session that may be resumed.
   */
  take(caller: Caller): void {
    const { id, place, onChange } = this.#options;
    const call = this.#call;
    if (!call) return;
    const before = this.#leg;
    if (before) {
      const message = `session ${id}: another connection has taken it over`;
      if (before.notices) before.outbox.send({ type: 'greenroom.notice', code: 'replaced', message });
      before.close('replaced', new GreenroomError('replaced', message));
    }
    this.#window?.cancel();
    const leg = this.#open(caller);
    this.#leg = leg;
    leg.outbox.sendFirst(call.replay());
    call.callerIs('back');
    for (const event of this.#missed.take()) this.send(event);
    place.back();
    leg.read();
    onChange(before ? 'replaced' : 'resumed', `from ${caller.transport.remote}`);
  }

  #open({ transport, notices }: Caller): CallerLeg {
    const { id, limits, place, newId, random, why, onTerminated } = this.#options;
    this.#remote = transport.remote;
    this.#legs += 1;
    const isIts = () => this.#leg === leg && this.state === 'seated';
    const leg: CallerLeg = new CallerLeg({
      ...{ id, notices, newId, random: random(), why, onTerminated },
      ...{ keepaliveMs: limits.keepaliveMs, queueBytesMax: limits.queueBytesMax },
      scope: this.#scope.child(`leg ${this.#legs}`, { kind: 'leg', graceMs: closeGraceMs }),
      transport,
      isBusy: () => !this.#call || this.#call.busy,
      handle: (text) => {
        if (isIts() && (text === null || place.admits(text))) this.#call?.handle(text);
      },
      // What is not taken as it is comes as a text.
      handleFrame: (frame) => {
        if (!isIts()) return true;
        return !place.taken && place.noted(this.#call?.handleFrame?.(frame) ?? false);
      },
      onRoom: () => {
        if (isIts()) this.#call?.onRoom?.();
      },
      onEnded: (end) => {
        // Whoever was replaced, or has been given up, ends for itself alone.
        if (this.#leg === leg) this.#lost(leg, end);
      },
    });
    return leg;
  }

  #lost(leg: CallerLeg, end: LegEnd): void {
    const { scope, limits, onEnd, onChange, id } = this.#options;
    const reason = end.type === 'closed' ? 'client_left' : end.reason;
    const error = end.type === 'closed' ? undefined : end.error;
    if (end.type === 'closed') this.#callersCode = end.code;
    const left = end.type === 'closed' && end.code === 1000;
    if (left || !this.#call?.resumable || scope.state !== 'open') return onEnd(reason, error);
    this.#leg = undefined;
    leg.close(reason, error);
    const { resumeMs } = limits;
    this.#leftMs = scope.clock.now();
    const over = `session ${id}: its caller was lost, and did not come back within ${resumeMs} ms`;
    this.#window = scope.clock.after(
      resumeMs,
      () => onEnd('client_lost', new GreenroomError('client_lost', over)),
      { ref: false },
    );
    this.#call.callerIs('away');
    onChange('away', error?.message ?? `closed with ${this.#callersCode}`);
  }
}
