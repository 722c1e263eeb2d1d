// A caller's leg: one connection of a call, and all that belongs to it alone. A call may have one after the other. It has
// a scope of its own, which whoever opens it closes; then the connection is closed, and within its time is gone.
import { GreenroomError } from '../lifecycle/errors.ts';
import type { ReleaseContext } from '../lifecycle/holding.ts';
import type { CloseReason } from '../lifecycle/reasons.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { NewId } from '../wire/ids.ts';
import type { ClientFrame } from '../wire/text-frame.ts';
import { closeCodeOf, closeReason } from './close-codes.ts';
import { type CallerText, Inbox } from './inbox.ts';
import { Keepalive } from './keepalive.ts';
import { Outbox } from './outbox.ts';
import type { Transport } from './transport.ts';

/** Why there is no use in a connection any more. */
export type LegEnd =
  | { readonly type: 'closed'; readonly code: number }
  /** It is there, and its caller is not. */
  | {
      readonly type: 'given_up';
      readonly reason: 'client_lost' | 'slow_client';
      readonly error: GreenroomError;
    };

export interface LegOptions {
  /** Its own. */
  readonly scope: Scope;
  /** Of the session. */
  readonly id: string;
  readonly transport: Transport;
  /** Its caller asked for our own notices. */
  readonly notices: boolean;
  readonly keepaliveMs: number;
  readonly queueBytesMax: number;
  readonly newId: NewId;
  /** 0 to 1. */
  readonly random: number;
  readonly isBusy: () => boolean;
  /** A frame: its text, or null for a binary one. */
  readonly handle: (text: CallerText) => void;
  /** A text in one frame: whether it is taken as it is. */
  readonly handleFrame: (frame: ClientFrame) => boolean;
  /** There is room for more output. */
  readonly onRoom: () => void;
  /** Why the whole session ends, where that has a reason of its own. */
  readonly why: () => GreenroomError | undefined;
  /** Of an open leg. */
  readonly onEnded: (end: LegEnd) => void;
  /** It had to be ended, because its close frame was not answered. */
  readonly onTerminated: () => void;
}

export class CallerLeg {
  readonly outbox: Outbox;
  readonly notices: boolean;
  readonly remote: string;
  readonly #options: LegOptions;
  readonly #inbox: Inbox;
  readonly #keepalive: Keepalive;
  readonly #closed = Promise.withResolvers<void>();
  #error: GreenroomError | undefined;

  constructor(options: LegOptions) {
    const { id, scope, transport, newId, handle, handleFrame, isBusy, onRoom } = options;
    const { clock } = scope;
    this.#options = options;
    this.notices = options.notices;
    this.remote = transport.remote;
    scope.defer('transport', (context) => this.#closeTransport(context));
    this.outbox = new Outbox({
      ...{ transport, newId, clock, bytesMax: options.queueBytesMax },
      onTaken: () => this.#keepalive.alive(),
      onRoom: () => {
        this.#inbox.resume();
        onRoom();
      },
      onSlow: (silentMs, bytes) =>
        this.#giveUp(
          'slow_client',
          `session ${id}: nothing was read for ${silentMs} ms, ${bytes} bytes wait`,
        ),
    });
    scope.defer('outbox', () => this.outbox.close());
    const isFull = () => this.outbox.full || isBusy();
    this.#inbox = new Inbox({ id, transport, clock, isFull, handle, handleFrame });
    scope.defer('inbox', () => this.#inbox.close());
    this.#keepalive = new Keepalive({
      ...{ scope, intervalMs: options.keepaliveMs, random: options.random },
      ping: () => transport.ping(),
      onLost: (silentMs) => this.#giveUp('client_lost', `session ${id}: no sign of life for ${silentMs} ms`),
    });
    transport.listen({
      text: (text) => this.#inbox.receive(text),
      frame: (frame) => this.#inbox.receiveFrame(frame),
      binary: () => this.#inbox.receive(null),
      alive: (sign) => {
        this.#keepalive.alive();
        if (sign === 'pong') this.outbox.taken();
      },
      closed: (code) => {
        this.#closed.resolve();
        if (scope.state === 'open') options.onEnded({ type: 'closed', code });
      },
    });
  }

  /** What has come is handled from now on. */
  read(): void {
    this.#inbox.resume();
  }

  /** Idempotent. @param error what its caller is told, in the close frame */
  close(reason: CloseReason, error?: GreenroomError): void {
    this.#error ??= error;
    void this.#options.scope.close(reason);
  }

  #giveUp(reason: 'client_lost' | 'slow_client', message: string): void {
    const error = new GreenroomError(reason, message);
    if (this.#options.scope.state === 'open') this.#options.onEnded({ type: 'given_up', reason, error });
  }

  /** A close frame is sent and given most of the time there is; what is left is for ending the connection. */
  async #closeTransport({ reason, deadline }: ReleaseContext): Promise<void> {
    const { transport, why, onTerminated } = this.#options;
    const closed = this.#closed.promise;
    const error = this.#error ?? why();
    if (reason !== 'client_lost') {
      transport.close(error?.closeCode ?? closeCodeOf(reason), closeReason(error?.message ?? reason));
      const grace = deadline.child(deadline.remainingMs() * 0.8);
      const answered = await grace.wait(closed);
      grace.dispose();
      if (answered.state === 'done') return;
      onTerminated();
    }
    transport.terminate();
    await closed;
  }
}
