// What is to be sent: speech, typed lines and what was asked of the session. Keeps what cannot be sent now (no
// connection, or one that does not keep up) within its limits, and tells what it could not keep. Ended by its connection.
import { randomId } from '../wire/ids.ts';
import { encodeAudio } from './audio.ts';
import type { ClientEvent } from './client-events.ts';
import type { ClientAudioDropped, ClientLine, ClientMade, ReceivedEvent } from './events.ts';
import { anObject, check, toJson } from './given.ts';
import {
  addLine,
  flush,
  type Line,
  type LineLimits,
  type LinesStep,
  letGo,
  lost,
  noLines,
  refused,
  shown,
  unshownMax,
} from './lines.ts';
import type { Link } from './link.ts';
import type { Continuation } from './resumption.ts';
import { type Asked, answered, askAgain, forget, noMemory, remember } from './session-memory.ts';
import { AudioSpool, type Dropped } from './spool.ts';
import { type ClientWorld, Timers } from './timers.ts';

/** What is kept while it cannot be sent. 0: nothing. */
export interface KeepLimits {
  /** Default 30,000: as much as a gateway keeps of it in its lobby. */
  readonly audioMs: number;
  /** Default 4 MiB: 87 s. */
  readonly audioBytes: number;
  /** Default 100. */
  readonly lines: number;
  /** Of all lines together. Default 262,144. */
  readonly characters: number;
}

/** `eventId`: of the request for an answer; an `error` about it names it. */
export interface Said {
  readonly itemId: string;
  readonly eventId: string;
  /** `refused`: there is no room to keep it, or the connection has ended. */
  readonly state: 'sent' | 'kept' | 'refused';
}

export const keepDefaults: KeepLimits = {
  audioMs: 30_000,
  audioBytes: 4 * 1024 * 1024,
  lines: 100,
  characters: 256 * 1024,
};

/** Of audio in one append: a piece that no limit of a frame minds. */
const appendSamplesMax = 128 * 1024;
/** More than this unsent, some four seconds of speech, and the connection does not keep up. */
const congestedBytes = 256 * 1024;
const pumpMs = 20;
/** Drops are told this often at most. */
const tellDropsMs = 1000;
const bytesPerMs = 48;
/** Of a line that is sent at once. */
const noLimits: LineLimits = { lines: Number.POSITIVE_INFINITY, characters: Number.POSITIVE_INFINITY };
/** These come after the speech that was appended before them. Everything else may overtake it. */
const afterSpeech: readonly ClientEvent['type'][] = [
  'input_audio_buffer.commit',
  'input_audio_buffer.clear',
  'response.create',
];

export class Outgoing {
  readonly #limits: KeepLimits;
  readonly #world: ClientWorld;
  readonly #tell: (event: ClientMade) => void;
  readonly #timers: Timers<'pump' | 'drops'>;
  readonly #spool: AudioSpool;
  readonly #drops = new Map<ClientAudioDropped['why'], number>();
  #lines = noLines;
  #memory = noMemory;
  #link: Link | null = null;

  constructor(limits: KeepLimits, world: ClientWorld, tell: (event: ClientMade) => void) {
    this.#limits = limits;
    this.#world = world;
    this.#tell = tell;
    this.#timers = new Timers(world);
    this.#spool = new AudioSpool({ ageMs: limits.audioMs, bytes: limits.audioBytes });
  }

  /** Whether what is sent now has a chance. */
  get ready(): boolean {
    return this.#link?.ready ?? false;
  }

  get kept(): { readonly audioMs: number; readonly lines: number } {
    const lines = this.#lines.waiting.filter(({ fate }) => fate !== 'sent').length;
    return { audioMs: Math.round(this.#spool.bytes / bytesPerMs), lines };
  }

  /** A connection is there: first what it has to know, then what was kept. A session of before knows what was agreed. */
  attach(link: Link, conversation: Continuation): void {
    this.#link = link;
    if (conversation === 'new') this.#memory = askAgain(this.#memory);
    for (const asked of this.#memory.asked) link.send(JSON.stringify(updateOf(asked)));
    this.#sendLines(flush(this.#lines));
    this.#pump();
  }

  /** It has ended, or is about to: nothing more is given to it. */
  detach(): void {
    this.#link = null;
    this.#timers.cancel('pump');
    this.#lines = lost(this.#lines);
  }

  /** The caller has made sure that it is ready. Throws `bad_usage` for what is no JSON. */
  send(event: ClientEvent): void {
    const json = toJson(event.type, event);
    if (afterSpeech.includes(event.type)) this.#flushSpeech();
    this.#link?.send(json);
  }

  /** What is remembered is what was sent: nobody can change it later. Throws `bad_usage` for what is no JSON. */
  configure(asked: Asked): void {
    const json = toJson('session.update', updateOf(asked));
    const { session } = JSON.parse(json) as Asked;
    check('session', session, anObject);
    this.#memory = remember(this.#memory, { ...asked, session });
    if (this.ready) this.#link?.send(json);
  }

  append(pcm: Int16Array): 'sent' | 'kept' {
    const link = this.#link;
    if (link?.ready && this.#spool.empty && link.bufferedBytes <= congestedBytes) {
      this.#sendSpeech(link, pcm);
      return 'sent';
    }
    this.#dropped(this.#spool.push(pcm, this.#world.now()));
    if (link) this.#pumpSoon();
    return 'kept';
  }

  say(text: string, eventId: string): Said {
    const itemId = randomId('item');
    const limits = this.ready ? noLimits : this.#limits;
    const lines = addLine(this.#lines, { itemId, text, askId: eventId }, limits);
    if (!lines) {
      const { lines: linesMax, characters } = this.#limits;
      const reason = `no room: ${linesMax} lines and ${characters} characters are kept at most`;
      this.#tell(lineEvent(itemId, 'refused', reason));
      return { itemId, eventId, state: 'refused' };
    }
    this.#lines = lines;
    if (!this.ready) return { itemId, eventId, state: 'kept' };
    this.#sendLines(flush(lines));
    this.#letGo();
    return { itemId, eventId, state: 'sent' };
  }

  /** What the server says of what we sent. */
  heard(event: ReceivedEvent): void {
    if (event.type === 'conversation.item.added' || event.type === 'conversation.item.done') {
      const { line, ...step } = shown(this.#lines, event.item?.id);
      this.#sendLines(step);
      if (line) this.#tell(lineEvent(line.itemId, 'delivered', null));
    } else if (event.type === 'session.updated') {
      this.#memory = answered(this.#memory);
    } else if (event.type === 'error' && event.error) {
      this.#memory = forget(this.#memory, event.error.event_id);
      const { lines, line, how } = refused(this.#lines, event.error);
      this.#lines = lines;
      const delivered = how === 'duplicate';
      if (line) {
        const reason = delivered ? 'the gateway had it already' : event.error.message;
        this.#tell(lineEvent(line.itemId, delivered ? 'delivered' : 'refused', reason));
      }
    }
  }

  /** For good: what is still here is told. */
  end(): void {
    this.#link = null;
    for (const line of this.#lines.waiting) {
      this.#tell(lineEvent(line.itemId, line.fate === 'unsent' ? 'undelivered' : 'unconfirmed', null));
    }
    this.#lines = noLines;
    if (!this.#spool.empty) this.#count('closed', this.#spool.bytes);
    while (this.#spool.shift());
    this.#tellDrops();
    this.#timers.cancelAll();
  }

  #sendLines({ lines, frames }: LinesStep): void {
    this.#lines = lines;
    if (this.ready) for (const frame of frames) this.send(frame);
  }

  #letGo(): void {
    const { lines, gone } = letGo(this.#lines);
    this.#lines = lines;
    const reason = `the server has shown none of the ${unshownMax.lines} lines after it`;
    for (const { itemId } of gone) this.#tell(lineEvent(itemId, 'unconfirmed', reason));
  }

  #sendSpeech(link: Link, pcm: Int16Array): void {
    for (let at = 0; at < pcm.length; at += appendSamplesMax) {
      const audio = encodeAudio(pcm.subarray(at, at + appendSamplesMax));
      link.send(JSON.stringify({ type: 'input_audio_buffer.append', audio }));
    }
  }

  /** As much as the connection takes without falling behind. */
  #pump(): void {
    const link = this.#link;
    this.#dropped(this.#spool.prune(this.#world.now()));
    while (link?.ready && !this.#spool.empty && link.bufferedBytes <= congestedBytes) {
      const pcm = this.#spool.shift();
      if (pcm) this.#sendSpeech(link, pcm);
    }
    if (!this.#spool.empty) this.#pumpSoon();
  }

  /** A WebSocket does not say when it has room again. */
  #pumpSoon(): void {
    if (!this.#timers.has('pump')) this.#timers.set('pump', pumpMs, () => this.#pump());
  }

  #flushSpeech(): void {
    const link = this.#link;
    if (!link) return;
    this.#dropped(this.#spool.prune(this.#world.now()));
    for (let pcm = this.#spool.shift(); pcm; pcm = this.#spool.shift()) this.#sendSpeech(link, pcm);
  }

  #dropped(drops: readonly Dropped[]): void {
    if (drops.length === 0) return;
    for (const { why, bytes } of drops) this.#count(why, bytes);
    if (!this.#timers.has('drops')) this.#tellDrops();
  }

  #count(why: ClientAudioDropped['why'], bytes: number): void {
    this.#drops.set(why, (this.#drops.get(why) ?? 0) + bytes);
  }

  #tellDrops(): void {
    if (this.#drops.size === 0) return;
    const drops = [...this.#drops];
    this.#drops.clear();
    this.#timers.set('drops', tellDropsMs, () => this.#tellDrops());
    for (const [why, bytes] of drops) {
      this.#tell({ type: 'client.audio_dropped', ms: Math.round(bytes / bytesPerMs), bytes, why });
    }
  }
}

function lineEvent(itemId: Line['itemId'], state: ClientLine['state'], reason: string | null): ClientLine {
  return { type: 'client.line', itemId, state, reason };
}

function updateOf({ eventId, session }: Asked): ClientEvent {
  return { type: 'session.update', event_id: eventId, session };
}
