// What is to be sent: speech, typed lines and what was asked of the session. Keeps what cannot be sent now (no
// connection, or one that does not keep up) within its limits, and tells what it could not keep. Ended by its connection.
import { randomId } from '../wire/ids.ts';
import { encodeAudio } from './audio.ts';
import type { ClientEvent, SessionUpdate } from './client-events.ts';
import type { ClientAudioDropped, ClientLine, ClientMade, ReceivedEvent } from './events.ts';
import { addLine, flush, type Line, type LinesStep, lost, noLines, refused, shown } from './lines.ts';
import type { Link } from './link.ts';
import { mergeUpdates } from './session-memory.ts';
import { AudioSpool, type Dropped } from './spool.ts';
import { type ClientWorld, Timers } from './timers.ts';

/** What is kept while it cannot be sent. */
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
  #session: SessionUpdate | null = null;
  #link: Link | null = null;

  constructor(limits: KeepLimits, world: ClientWorld, tell: (event: ClientMade) => void) {
    this.#limits = limits;
    this.#world = world;
    this.#tell = tell;
    this.#timers = new Timers(world);
    this.#spool = new AudioSpool({ ageMs: limits.audioMs, bytes: limits.audioBytes });
  }

  get kept(): { readonly audioMs: number; readonly lines: number } {
    const lines = this.#lines.waiting.filter(({ fate }) => fate !== 'sent').length;
    return { audioMs: Math.round(this.#spool.bytes / bytesPerMs), lines };
  }

  /** A connection is there: first what it has to know, then what was kept. */
  attach(link: Link): void {
    this.#link = link;
    if (this.#session) link.send({ type: 'session.update', session: this.#session });
    this.#sendLines(flush(this.#lines));
    this.#pump();
  }

  /** It has ended. */
  detach(): void {
    this.#link = null;
    this.#timers.cancel('pump');
    this.#lines = lost(this.#lines);
  }

  /** The caller has made sure that the link is ready. */
  send(event: ClientEvent): void {
    if (event.type === 'session.update') this.#session = mergeUpdates(this.#session, event.session);
    if (afterSpeech.includes(event.type)) this.#flushSpeech();
    this.#link?.send(event);
  }

  configure(session: SessionUpdate): void {
    if (this.#link?.ready) return this.send({ type: 'session.update', session });
    this.#session = mergeUpdates(this.#session, session);
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
    const lines = addLine(this.#lines, { itemId, text, askId: eventId }, this.#limits);
    if (!lines) {
      const { lines: linesMax, characters } = this.#limits;
      const reason = `no room: ${linesMax} lines and ${characters} characters are kept at most`;
      this.#tell(lineEvent(itemId, 'refused', reason));
      return { itemId, eventId, state: 'refused' };
    }
    this.#lines = lines;
    if (!this.#link?.ready) return { itemId, eventId, state: 'kept' };
    this.#sendLines(flush(lines));
    return { itemId, eventId, state: 'sent' };
  }

  /** What the server says of our lines. */
  heard(event: ReceivedEvent): void {
    if (event.type === 'conversation.item.added' || event.type === 'conversation.item.done') {
      const { line, ...step } = shown(this.#lines, event.item?.id);
      this.#sendLines(step);
      if (line) this.#tell(lineEvent(line.itemId, 'delivered', null));
    } else if (event.type === 'error' && event.error) {
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
    if (this.#link?.ready) for (const frame of frames) this.send(frame);
  }

  #sendSpeech(link: Link, pcm: Int16Array): void {
    for (let at = 0; at < pcm.length; at += appendSamplesMax) {
      const audio = encodeAudio(pcm.subarray(at, at + appendSamplesMax));
      link.send({ type: 'input_audio_buffer.append', audio });
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
