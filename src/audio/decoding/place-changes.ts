// Where a stream of WebM is, told from one thread to another by what has changed: its header once, and then what came after
// it. So what is told is never more than what was sent, but for a header that changes; nothing is copied twice. Pure.
import type { StreamPlace, StreamStand } from '../webm/demuxer.ts';

export type PlaceChange =
  /** At the beginning, or broken. */
  | { readonly state: 'none' }
  /** `header`: null: as it was. */
  | {
      readonly state: 'moved';
      readonly header: Uint8Array | null;
      readonly rest: Uint8Array;
      readonly skip: number;
    }
  /** It waits for the same element, of which this came. */
  | { readonly state: 'longer'; readonly more: Uint8Array };

export class PlaceTeller {
  #told: { readonly header: Uint8Array; readonly atByte: number; readonly fedBytes: number } | undefined;

  /** Null: nothing has changed. */
  change(stand: StreamStand | undefined): PlaceChange | null {
    const told = this.#told;
    if (!stand) {
      this.#told = undefined;
      return told ? { state: 'none' } : null;
    }
    const { header, cluster, held, atByte, skip } = stand;
    const fedBytes = atByte + held.length;
    this.#told = { header, atByte, fedBytes };
    if (told?.header === header && told.atByte === atByte) {
      const more = held.slice(told.fedBytes - atByte);
      return more.length > 0 ? { state: 'longer', more } : null;
    }
    const rest = new Uint8Array(cluster.length + held.length);
    rest.set(cluster);
    rest.set(held, cluster.length);
    return { state: 'moved', header: told?.header === header ? null : header, rest, skip };
  }
}

export class PlaceListener {
  #state: 'none' | 'known' = 'none';
  #header: Uint8Array = new Uint8Array(0);
  /** With room at its end. */
  #rest: Uint8Array = new Uint8Array(0);
  #restBytes = 0;
  #skip = 0;
  #place: StreamPlace | undefined;

  hear(change: PlaceChange): void {
    this.#place = undefined;
    this.#state = change.state === 'none' ? 'none' : 'known';
    if (change.state === 'longer') return this.#grow(change.more);
    const { header, rest, skip } = change.state === 'moved' ? change : nothing;
    this.#header = header ?? this.#header;
    this.#rest = rest;
    this.#restBytes = rest.length;
    this.#skip = skip;
  }

  /** Made when it is asked for, which it seldom is. */
  get place(): StreamPlace | undefined {
    if (this.#state === 'none') return undefined;
    if (!this.#place) {
      const lead = new Uint8Array(this.#header.length + this.#restBytes);
      lead.set(this.#header);
      lead.set(this.#rest.subarray(0, this.#restBytes), this.#header.length);
      this.#place = { lead, skip: this.#skip };
    }
    return this.#place;
  }

  #grow(more: Uint8Array): void {
    const bytes = this.#restBytes + more.length;
    if (bytes > this.#rest.length) {
      const larger = new Uint8Array(bytes * 2);
      larger.set(this.#rest.subarray(0, this.#restBytes));
      this.#rest = larger;
    }
    this.#rest.set(more, this.#restBytes);
    this.#restBytes = bytes;
  }
}

const nothing = { header: new Uint8Array(0), rest: new Uint8Array(0), skip: 0 };
