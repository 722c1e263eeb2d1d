// One call under way: follows what the connection tells, shows it, and lets a script wait for what it needs. Ends once,
// by whatever comes first. The connection and the signal are its command's; it only listens, until `leave`.
import type { RealtimeConnection } from '../../client/connection.ts';
import type { ConnectionEvent } from '../../client/events.ts';
import type { ConnectionEnd } from '../../client/life-states.ts';
import type { Clock } from '../../lifecycle/clock.ts';
import { Deadline } from '../../lifecycle/deadline.ts';
import { GreenroomError, messageOf } from '../../lifecycle/errors.ts';
import type { SessionConfig } from '../../wire/session-config.ts';
import { Answers } from './answers.ts';
import { MissedAnswers } from './missed.ts';
import type { TalkReport } from './report.ts';

export type CallEnding =
  /** The person asked to stop. */
  | { readonly state: 'interrupted' }
  /** The gateway is leaving. */
  | { readonly state: 'shutdown' }
  /** An engine of the pipeline failed for good. */
  | { readonly state: 'failed' }
  | { readonly state: 'closed'; readonly end: ConnectionEnd };

export interface CallOptions {
  readonly connection: RealtimeConnection;
  readonly report: CallReport;
  readonly clock: Clock;
  /** The longest wait for any one thing. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Of the answers. Default `all`. */
  readonly keeps?: 'all' | 'nothing';
}

/** What a wait is for. */
export interface Expectation {
  readonly met: () => boolean;
  /** Names what is missing, for the error when time is up. */
  readonly missing: () => string;
  readonly code?: 'deadline_exceeded' | 'not_ready';
  /** Default: the longest wait of the call. */
  readonly timeoutMs?: number;
}

/** What of a report a call speaks to. */
type CallReport = Pick<
  TalkReport,
  'answer' | 'transcript' | 'error' | 'lobby' | 'named' | 'notice' | 'speech' | 'task'
>;

export class Call {
  readonly connection: RealtimeConnection;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly answers: Answers;
  readonly #report: CallReport;
  readonly #leave: (() => void)[] = [];
  #told: { readonly itemId: string; readonly text: string } | null = null;
  /** What was heard so far of what the caller says; empty where there is nothing that will become more. */
  #heard: { readonly itemId: string; readonly text: string } | null = null;
  #session: SessionConfig | null = null;
  readonly #missed = new MissedAnswers();
  #ending: CallEnding | null = null;
  /** Where speech began that has not ended, and where the last one ended. */
  #speech: { readonly state: 'none' | 'open' | 'past'; readonly atMs: number } = { state: 'none', atMs: 0 };
  #changed = Promise.withResolvers<void>();

  constructor({ connection, report, clock, timeoutMs, signal, keeps }: CallOptions) {
    this.connection = connection;
    this.answers = new Answers(keeps);
    this.clock = clock;
    this.timeoutMs = timeoutMs;
    this.#report = report;
    this.#leave.push(connection.on('event', (event) => this.#take(event)));
    void connection.closed.then((end) =>
      this.#finish(end.cause === 'shutdown' ? { state: 'shutdown' } : { state: 'closed', end }),
    );
    const interrupt = () => this.interrupt();
    signal.addEventListener('abort', interrupt, { once: true });
    this.#leave.push(() => signal.removeEventListener('abort', interrupt));
    if (signal.aborted) interrupt();
  }

  /** Null while it goes on. */
  get ending(): CallEnding | null {
    return this.#ending;
  }

  /** What is in effect; null until the gateway has said it. */
  get session(): SessionConfig | null {
    return this.#session;
  }

  get speech(): { readonly state: 'none' | 'open' | 'past'; readonly atMs: number } {
    return this.#speech;
  }

  /** What is heard of what the caller says, while it may become more. */
  get heard(): string {
    return this.#heard?.text ?? '';
  }

  /** Waits until it is met or the call has ended. Throws when that takes longer than the longest wait. */
  async expect({
    met,
    missing,
    code = 'deadline_exceeded',
    timeoutMs = this.timeoutMs,
  }: Expectation): Promise<'met' | 'ended'> {
    const deadline = new Deadline(this.clock, timeoutMs);
    try {
      for (;;) {
        if (met()) return 'met';
        if (this.#ending) return 'ended';
        const { state } = await deadline.wait(this.#changed.promise);
        if (state !== 'expired' || met() || this.#ending) continue;
        throw new GreenroomError(code, `${missing()} within ${timeoutMs} ms`);
      }
    } finally {
      deadline.dispose();
    }
  }

  /** The person asks to stop. */
  interrupt(): void {
    this.#finish({ state: 'interrupted' });
    // Its command closes it, in its turn; only whoever waits for it to open waits for nothing else.
    if (this.connection.state === 'connecting') void this.connection.close();
  }

  /** Something outside has changed that a wait may be for. */
  wake(): void {
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers();
    resolve();
  }

  leave(): void {
    for (const undo of this.#leave.splice(0)) undo();
  }

  #finish(ending: CallEnding): void {
    this.#ending ??= ending;
    this.wake();
  }

  /** What goes wrong while the gateway leaves is shown, and is nobody's fault. */
  #blame(): 0 | 1 {
    return this.#ending?.state === 'shutdown' ? 0 : 1;
  }

  #take(event: ConnectionEvent): void {
    try {
      this.#show(event);
      const missed = this.#missed.take(event, this.answers.current !== undefined);
      const answer = missed ?? this.answers.take(event, this.clock.now());
      if (answer) this.#report.answer(answer, this.#blame());
    } catch (thrown) {
      // An event of a known type that lacks what it should have.
      this.#report.error('protocol_error', `the event ${event.type} cannot be used: ${messageOf(thrown)}`);
    }
    this.wake();
  }

  #show(event: ConnectionEvent): void {
    switch (event.type) {
      case 'conversation.created':
        return this.#report.named({ conversation: event.conversation.id });
      case 'session.created':
        if (event.session.id) this.#report.named({ session: event.session.id });
        this.#session = event.session.object === 'realtime.transcription_session' ? null : event.session;
        return;
      case 'session.updated':
        // A transcription session has none.
        this.#session = event.session.object === 'realtime.transcription_session' ? null : event.session;
        return;
      case 'greenroom.lobby':
        this.#report.lobby(event, this.clock.now());
        if (event.state === 'failed') this.#finish({ state: 'failed' });
        return;
      case 'greenroom.notice':
        if (event.code === 'hearing') this.#heard = { itemId: event.item_id, text: event.message };
        if (event.code === 'hearing' || event.code === 'answer_source') return;
        this.#report.notice(event);
        // A later gateway may have more to say, which is shown and no more.
        if (event.code === 'server_shutdown') this.#finish({ state: 'shutdown' });
        return;
      case 'greenroom.task':
        return this.#report.task(event);
      case 'input_audio_buffer.speech_started':
        this.#speech = { state: 'open', atMs: event.audio_start_ms };
        return this.#report.speech('speech_started', event.audio_start_ms);
      case 'input_audio_buffer.speech_stopped':
        this.#speech = { state: 'past', atMs: event.audio_end_ms };
        this.answers.asked({ eventId: null, atMs: this.clock.now() });
        return this.#report.speech('speech_stopped', event.audio_end_ms);
      case 'conversation.item.input_audio_transcription.delta':
        this.#heard = { itemId: event.item_id, text: this.#toldOf(event.item_id) + event.delta };
        this.#told = this.#heard;
        return;
      case 'conversation.item.input_audio_transcription.completed':
        this.#heard = null;
        return this.#report.transcript(event.transcript);
      case 'conversation.item.input_audio_transcription.failed':
        this.#heard = null;
        return;
      case 'error':
        // That it is a new one is told where it begins.
        if (event.error.code === 'conversation_expired') return;
        return this.#report.error(event.error.code, event.error.message, this.#blame());
      case 'client.fault':
        return this.#report.error(event.code, event.message);
      case 'client.state':
        if (event.before === 'open' && event.state === 'reconnecting') this.#sessionEnded();
        return;
      default:
        return;
    }
  }

  /** Deltas add to each other, and to nothing else: what was heard before them may have been another text. */
  #toldOf(itemId: string): string {
    return this.#told?.itemId === itemId ? this.#told.text : '';
  }

  /** What it owed will not come any more. */
  #sessionEnded(): void {
    this.#session = null;
    this.#heard = null;
    this.#speech = { state: 'none', atMs: 0 };
    for (const answer of this.answers.abandon()) this.#report.answer(answer, 0);
  }
}
