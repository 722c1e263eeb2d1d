// WebM as it comes, in pieces cut anywhere: its first Opus track, packet by packet (RFC 9559; the WebM subset of it). Each
// packet is given as soon as its block is there. MediaRecorder writes clusters of unknown size, a new one with each piece
// that it gives: who waits for the end of a cluster, as libraries for files do (mediabunny), is a piece behind, and a commit
// would miss the last one. Pure.
//
//     header ──its tracks──▶ clusters ──the header of another stream──▶ header
import { blockFrames, trackNumberAt } from './block.ts';
import { checkNumber, type ElementHead, elementHead, elementsIn, hex, signed, WebmError } from './ebml.ts';
import { elementIds as ids, nameOf } from './element-ids.ts';
import type { OpusHead } from './opus-head.ts';
import { StreamHeader } from './stream-header.ts';
import { opusTrack } from './track-entry.ts';

export type Demuxed =
  /** A stream begins: what comes is of this one. */
  | { readonly type: 'track'; readonly head: OpusHead }
  | {
      readonly type: 'packet';
      readonly bytes: Uint8Array;
      /** Of its block. */
      readonly atByte: number;
      /** To be left out at its end, in samples at 48 kHz. */
      readonly discard: number;
    };

/** How to go on with a stream from its middle: these bytes, and then what comes after so many. */
export interface StreamPlace {
  readonly lead: Uint8Array;
  readonly skip: number;
}

/** Where a stream is: what its place is made of. */
export interface StreamStand {
  /** The same array for as long as it is the same header. */
  readonly header: Uint8Array;
  /** The head of the cluster under way. */
  readonly cluster: Uint8Array;
  /** What came of an element that is not all there: a view, good until more is fed. */
  readonly held: Uint8Array;
  /** Of `held`, in the stream. */
  readonly atByte: number;
  readonly skip: number;
}

/** What has to be there as a whole before it can be read. */
const wholeBytesMax = 1024 * 1024;
/** What is passed over: of other tracks, and what we do not need. More than that is no stream, but garbage. */
const skipBytesMax = 64 * 1024 * 1024;

/** The EBML header (RFC 8794, 11.2.1). */
const magic = [0x1a, 0x45, 0xdf, 0xa3];
export const beginsWebm = (bytes: Uint8Array): boolean => magic.every((byte, index) => bytes[index] === byte);

const none = new Uint8Array(0);
/** Of unknown size. */
const clusterStart = [0x1f, 0x43, 0xb6, 0x75, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];

export class WebmDemuxer {
  #buffer = new Uint8Array(4096);
  #at = 0;
  #end = 0;
  /** Where the buffer begins in the stream. */
  #base = 0;
  #skip = 0;
  #state: 'start' | 'header' | 'clusters' = 'start';
  #track = 0;
  readonly #header = new StreamHeader();
  /** The head of the cluster under way, with its timestamp. */
  #clusterHead = none;
  #wholeAt = 0;
  readonly #ready: Demuxed[] = [];

  /** A copy is taken. */
  feed(bytes: Uint8Array): void {
    const skipped = Math.min(this.#skip, bytes.length);
    this.#skip -= skipped;
    const rest = bytes.subarray(skipped);
    if (skipped > 0) {
      this.#base = this.#base + this.#end + skipped;
      this.#at = this.#end = 0;
      this.#wholeAt = this.#base;
    }
    this.#makeRoom(rest.length);
    this.#buffer.set(rest, this.#end);
    this.#end += rest.length;
  }

  /** So far everything is whole: the stream can be cut here. */
  get wholeBytes(): number {
    return this.#wholeAt;
  }

  /** How to go on from here, and miss nothing that is not whole yet. */
  get stand(): StreamStand {
    const cluster = this.#state === 'clusters' ? this.#clusterHead : none;
    const held = this.#buffer.subarray(this.#at, this.#end);
    return { header: this.#header.bytes, cluster, held, atByte: this.#position, skip: this.#skip };
  }

  /** The next one that is all there; undefined: more bytes are needed. Throws WebmError, and is of no use then. */
  next(): Demuxed | undefined {
    for (;;) {
      const ready = this.#ready.shift();
      if (ready) return ready;
      if (this.#skip > 0 || !this.#advance()) return undefined;
      this.#wholeAt = this.#position;
    }
  }

  get #position(): number {
    return this.#base + this.#at;
  }

  /** One element. False: it is not all there. */
  #advance(): boolean {
    const bytes = this.#buffer.subarray(0, this.#end);
    if (this.#state === 'start') this.#checkStart(bytes.subarray(this.#at));
    const head = elementHead(bytes, this.#at, this.#position);
    if (!head) return false;
    switch (head.id) {
      case ids.segment:
        this.#header.beginSegment();
        if (this.#state === 'clusters') this.#state = 'header';
        this.#clusterHead = none;
        return this.#enter(head);
      case ids.cluster:
        this.#cluster();
        return this.#enter(head);
      case ids.ebml:
      case ids.info:
      case ids.tracks:
      case ids.timestamp:
        this.#checkKept(head);
        return this.#whole(head, (body, atByte) => this.#headerPart(head.id, body, atByte));
      case ids.simpleBlock:
        return this.#simpleBlock(head);
      case ids.blockGroup:
        if (sizeOf(head, this.#position) > wholeBytesMax) return this.#pass(head);
        return this.#whole(head, (body, atByte) => this.#blockGroup(body, atByte));
      default:
        return this.#pass(head);
    }
  }

  /** What is no WebM is told by its first bytes, though they may look like a long element. */
  #checkStart(bytes: Uint8Array): void {
    const odd = magic.findIndex((byte, index) => index < bytes.length && bytes[index] !== byte);
    if (odd === -1) return;
    const found = `0x${hex(bytes[odd] ?? 0)} as byte ${odd}`;
    throw new WebmError(this.#position, `a WebM begins with 1A45DFA3, found ${found}`);
  }

  /** Its children come one by one, and its end is where something comes that is no child. */
  #enter({ headBytes }: ElementHead): boolean {
    this.#at += headBytes;
    return true;
  }

  #whole(head: ElementHead, use: (body: Uint8Array, atByte: number) => void): boolean {
    const size = sizeOf(head, this.#position);
    if (size > wholeBytesMax)
      throw new WebmError(
        this.#position,
        `${nameOf(head.id) ?? 'it'} has ${size} bytes, over ${wholeBytesMax}`,
      );
    const bodyAt = this.#at + head.headBytes;
    if (bodyAt + size > this.#end) return false;
    use(this.#buffer.subarray(bodyAt, bodyAt + size), this.#base + bodyAt);
    this.#at = bodyAt + size;
    return true;
  }

  #pass(head: ElementHead): boolean {
    const size = sizeOf(head, this.#position);
    const name = nameOf(head.id);
    // Readers are to pass over what they do not know; but here there is nothing that we do not, and garbage looks like it.
    if (name === undefined) throw new WebmError(this.#position, `no element of a WebM is 0x${hex(head.id)}`);
    if (size > skipBytesMax)
      throw new WebmError(this.#position, `${name} has ${size} bytes, over ${skipBytesMax}`);
    this.#at += head.headBytes;
    const there = Math.min(size, this.#end - this.#at);
    this.#at += there;
    this.#skip = size - there;
    return true;
  }

  /** What is kept for as long as the stream is has to be small. */
  #checkKept(head: ElementHead): void {
    const atByte = this.#position;
    const size = sizeOf(head, atByte);
    const name = nameOf(head.id) ?? 'it';
    if (head.id === ids.timestamp) checkNumber(name, size, atByte);
    else if (head.id === ids.ebml) this.#header.checkRoom(name, size, atByte, 'nothing');
    else if (this.#state === 'header') this.#header.checkRoom(name, size, atByte, 'what is there');
  }

  #headerPart(id: number, body: Uint8Array, atByte: number): void {
    const raw = this.#buffer.slice(this.#at, atByte - this.#base + body.length);
    if (id === ids.ebml) {
      this.#begin(raw);
    } else if (id === ids.timestamp) {
      this.#clusterHead = Uint8Array.of(...clusterStart, ...raw);
    } else if (this.#state === 'header') {
      this.#header.add(raw);
      if (id !== ids.tracks) return;
      const { number, head } = opusTrack(body, atByte);
      this.#track = number;
      this.#state = 'clusters';
      this.#ready.push({ type: 'track', head });
    }
  }

  #begin(ebml: Uint8Array): void {
    this.#state = 'header';
    this.#header.begin(ebml);
    this.#clusterHead = none;
  }

  #cluster(): void {
    if (this.#state !== 'clusters') throw new WebmError(this.#position, 'a cluster comes before the tracks');
    this.#clusterHead = none;
  }

  #simpleBlock(head: ElementHead): boolean {
    const bodyAt = this.#at + head.headBytes;
    const number = trackNumberAt(this.#buffer.subarray(bodyAt, this.#end), this.#position);
    if (number === undefined)
      return head.size !== null && bodyAt + head.size <= this.#end ? this.#pass(head) : false;
    if (number !== this.#track) return this.#pass(head);
    return this.#whole(head, (body, atByte) => this.#frames(body, atByte, 0));
  }

  #blockGroup(body: Uint8Array, bodyAtByte: number): void {
    let block: { readonly body: Uint8Array; readonly atByte: number } | undefined;
    let discard = 0;
    for (const { id, body: inner, atByte } of elementsIn(body, bodyAtByte)) {
      if (id === ids.block) block = { body: inner, atByte };
      // In ns.
      if (id === ids.discardPadding) discard = Math.max(0, Math.round((signed(inner, atByte) * 48) / 1e6));
    }
    if (!block || trackNumberAt(block.body, block.atByte) !== this.#track) return;
    this.#frames(block.body, block.atByte, discard);
  }

  #frames(block: Uint8Array, atByte: number, discard: number): void {
    if (this.#state !== 'clusters') throw new WebmError(atByte, 'a block comes before the tracks');
    const frames = blockFrames(block, atByte);
    // The buffer goes on to be used.
    for (const [index, bytes] of frames.entries())
      this.#ready.push({
        type: 'packet',
        bytes: bytes.slice(),
        atByte,
        discard: index === frames.length - 1 ? discard : 0,
      });
  }

  /** What was read goes; the room grows by doubling, up to what has to be there as a whole and one piece. */
  #makeRoom(more: number): void {
    if (this.#end + more <= this.#buffer.length) return;
    const kept = this.#end - this.#at;
    const larger = kept + more > this.#buffer.length ? new Uint8Array((kept + more) * 2) : this.#buffer;
    larger.set(this.#buffer.subarray(this.#at, this.#end));
    this.#base += this.#at;
    this.#buffer = larger;
    this.#end = kept;
    this.#at = 0;
  }
}

/** Throws for what may not be open: all but segments and clusters (RFC 9559, 4). */
function sizeOf({ id, size }: ElementHead, atByte: number): number {
  if (size === null)
    throw new WebmError(atByte, `${nameOf(id) ?? `element 0x${hex(id)}`} does not say how long it is`);
  return size;
}
