// Who speaks in a call: its caller, or for a while somebody in the caller's place, as a playback does. What its caller
// says into the input meanwhile is not mixed in: it is dropped, and told. Made by the registry, bound by the call.
import type { Clock, Timer } from '../lifecycle/clock.ts';
import type { Scope } from '../lifecycle/scope.ts';
import type { JsonObject } from '../wire/json.ts';
import type { LongText } from '../wire/long-text.ts';
import type { ServerEvent, WireError } from '../wire/server-events.ts';
import type { Abilities, AudioFormat } from '../wire/session-config.ts';
import type { WireText } from '../wire/text-frame.ts';

/** How a call stands, for whoever speaks in it. */
export interface CallLook {
  readonly phase: 'lobby' | 'ready' | 'failed';
  /** What is appended has to be in it; null: the caller's own stream of WebM, which nobody else can go on with. */
  readonly format: AudioFormat | null;
  readonly hears: Abilities['hears'];
  /** Who says where a turn ends: a commit alone; voice activity; and whether that asks for an answer. */
  readonly detection: 'off' | 'turns' | 'answers';
  readonly turn: 'none' | 'open';
  /** Appended, and not followed by voice activity yet, at the session's rate; `full`: no more is taken for now. */
  readonly behindSamples: number | 'full' | 'unknown';
  /** Appended, and taken by no item. */
  readonly heldSamples: number;
  /** `owed`: something that was said is still being written down or answered. */
  readonly work: 'none' | 'owed';
}

/** Somebody in the caller's place. */
export interface Speaker {
  /** Its events' ids begin with it. */
  readonly id: string;
  /** For the caller, whose own input is refused meanwhile. */
  readonly message: string;
  /** Whether answers are heard as they are played, as a caller hears them. `no`: each counts as heard. */
  readonly listens: 'yes' | 'no';
  /** One of its events was refused. */
  readonly refused: (error: WireError) => void;
}

/** Where the caller is, or is not. */
interface CallersSeat {
  readonly notices: boolean;
  send(event: ServerEvent): void;
  /** Resolves when the caller has room for more, or the signal aborts. */
  room(signal: AbortSignal): Promise<void>;
}

/** What the call gives. */
export interface BoundCall {
  look(): CallLook;
  /** An event as if its caller had sent it, handled at once. */
  handle(text: string): void;
  /** Engines that are unloaded are woken. */
  need(): void;
}

/** `quiet`: nothing has moved for as long as it may. */
export type Waited = 'so' | 'quiet' | 'over';

/** As input comes in pieces of some ms, it is over when none came for so long. */
const listeningMs = 2000;
/** The type of an event stands at its beginning or, after its audio, at its end. */
const edgeChars = 256;
const tellsError = /"type"\s*:\s*"error"/;
const appends = /"type"\s*:\s*"input_audio_buffer\.append"/;

export class CallersPlace {
  readonly scope: Scope;
  readonly #seat: () => CallersSeat;
  readonly #clock: Clock;
  #call: BoundCall | undefined;
  #speaker: Speaker | undefined;
  /** Whether the caller that is there has been told that its audio is refused. */
  #told: 'no' | 'yes' = 'no';
  #heardMs = Number.NEGATIVE_INFINITY;
  #waiting: (() => void)[] = [];
  readonly #comers = new Set<() => void>();

  constructor(scope: Scope, seat: () => CallersSeat) {
    this.scope = scope;
    this.#seat = seat;
    this.#clock = scope.clock;
  }

  bind(call: BoundCall): void {
    this.#call = call;
  }

  /** Whether the caller asked for our own notices. */
  get notices(): boolean {
    return this.#seat().notices;
  }

  /** Undefined while it is being set up. */
  look(): CallLook | undefined {
    return this.#call?.look();
  }

  get taken(): boolean {
    return this.#speaker !== undefined;
  }

  /** Whether answers are heard by somebody in real time. */
  get listens(): boolean {
    return this.#speaker?.listens !== 'no';
  }

  /** Whether its caller speaks: input came within the last 2 s, or speech is under way. */
  get listening(): boolean {
    return this.#clock.now() - this.#heardMs < listeningMs || this.look()?.turn === 'open';
  }

  /** Returns the undo. One at a time. */
  take(speaker: Speaker): () => void {
    if (this.#speaker) throw new Error(`${this.#speaker.id} speaks in this call already`);
    this.#speaker = speaker;
    this.#told = 'no';
    return () => {
      if (this.#speaker === speaker) this.#speaker = undefined;
    };
  }

  /** The caller is there again, over another connection, and knows nothing of what it is refused. */
  back(): void {
    this.#told = 'no';
    for (const tell of this.#comers) tell();
  }

  /** Whenever the caller is there again, and has been told what there is. Returns the undo. */
  onBack(listener: () => void): () => void {
    this.#comers.add(listener);
    return () => void this.#comers.delete(listener);
  }

  /** An event of whoever has taken the place. */
  say(event: JsonObject): void {
    this.#call?.handle(JSON.stringify(event));
  }

  tell(event: ServerEvent): void {
    this.#seat().send(event);
  }

  async room(signal: AbortSignal): Promise<void> {
    await this.#seat().room(signal);
  }

  need(): void {
    this.#call?.need();
  }

  /** A text of the caller's: whether it is for the call. */
  admits(text: string | LongText): boolean {
    if (typeof text !== 'string') return this.#admitsLong(text);
    if (!this.#speaker) return this.#note(isAppend(text));
    const type = inputType(text);
    if (type === undefined) return true;
    // Once of audio: a caller may go on to stream for an hour. A commit is an asking of its own.
    if (type === 'append' && this.#told === 'yes') return false;
    if (type === 'append') this.#told = 'yes';
    return this.#refused(this.#speaker, eventIdIn(text));
  }

  /** A text that is too long to be made one: an append, or nothing that is said into the input. */
  #admitsLong(text: LongText): boolean {
    const append = [text.parts[0], text.parts.at(-1)].some((part) =>
      isAppend(part?.toString('latin1') ?? ''),
    );
    if (!this.#speaker) return this.#note(append);
    if (!append) return true;
    if (this.#told === 'yes') return false;
    this.#told = 'yes';
    return this.#refused(this.#speaker, null);
  }

  #refused({ message }: Speaker, eventId: string | null): false {
    const error: WireError = {
      ...{ type: 'invalid_request_error', code: 'playback_active', message },
      ...{ param: null, event_id: eventId },
    };
    this.tell({ type: 'error', error });
    return false;
  }

  /** An append that was taken as the frame that it is. */
  noted(taken: boolean): boolean {
    this.#note(taken);
    return taken;
  }

  /** Something has changed in the call. */
  moved(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** What goes out to the caller. */
  told(text: WireText): void {
    if (!this.#speaker) return;
    this.moved();
    const { id, refused } = this.#speaker;
    // An upstream's come as it wrote them.
    if (typeof text !== 'string' || !tellsError.test(text.slice(0, edgeChars))) return;
    const { error } = parsed(text) as { readonly error?: WireError };
    if (String(error?.event_id).startsWith(`${id}_`) && error) refused(error);
  }

  /** Waits until the call is as it should be; `quietMsMax`: given up when nothing has moved for so long. */
  async until(fits: (look: CallLook) => boolean, signal: AbortSignal, quietMsMax?: number): Promise<Waited> {
    for (;;) {
      const look = this.look();
      if (signal.aborted || !look) return 'over';
      if (fits(look)) return 'so';
      if ((await this.#move(signal, quietMsMax)) === 'quiet') return 'quiet';
    }
  }

  #move(signal: AbortSignal, quietMsMax: number | undefined): Promise<'moved' | 'quiet'> {
    return new Promise((resolve) => {
      let timer: Timer | undefined;
      const settle = (how: 'moved' | 'quiet') => {
        timer?.cancel();
        signal.removeEventListener('abort', wake);
        this.#waiting = this.#waiting.filter((one) => one !== wake);
        resolve(how);
      };
      const wake = () => settle('moved');
      signal.addEventListener('abort', wake, { once: true });
      this.#waiting.push(wake);
      if (quietMsMax !== undefined)
        timer = this.#clock.after(quietMsMax, () => settle('quiet'), { ref: false });
    });
  }

  #note(append: boolean): true {
    if (append) this.#heardMs = this.#clock.now();
    return true;
  }
}

function isAppend(text: string): boolean {
  return appends.test(text.slice(0, edgeChars)) || appends.test(text.slice(-edgeChars));
}

/** What the event does to the input, where it does anything. */
function inputType(text: string): string | undefined {
  const { type } = parsed(text);
  return /^input_audio_buffer\.(append|commit|clear)$/.exec(String(type))?.[1];
}

function eventIdIn(text: string): string | null {
  const { event_id: id } = parsed(text);
  return typeof id === 'string' ? id : null;
}

function parsed(text: string): JsonObject {
  try {
    return Object(JSON.parse(text)) as JsonObject;
  } catch {
    // The call tells its caller what is wrong with it.
    return {};
  }
}
