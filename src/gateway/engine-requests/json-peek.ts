// Finds `model` and `stream` in a JSON object that is still coming, wherever it was cut, and where in its bytes the model
// stands. Looks at members of the outermost object alone: a `model` further in is somebody else's. Judges nothing else:
// whether it is JSON at all, the engine says. Pure.

export interface FoundModel {
  readonly value: string;
  /** Of its value as it is written, quotes included: bytes from the beginning of the body. */
  readonly start: number;
  readonly end: number;
}

/** What routing wants to know of a body. */
export interface BodyPeek {
  /** `over`: nothing new is to come. */
  readonly state: 'reading' | 'over';
  readonly model: FoundModel | undefined;
  readonly stream: boolean | undefined;
  /** Throws when the body cannot be what it is said to be. */
  push(bytes: Uint8Array): void;
}

/** Names that are longer are none of ours. */
const keptBytesMax = 1024;

const [quote, backslash, comma, colon] = [0x22, 0x5c, 0x2c, 0x3a];
const [openObject, closeObject, openList, closeList] = [0x7b, 0x7d, 0x5b, 0x5d];

const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;

export class JsonPeek implements BodyPeek {
  /** `plain`: a number, or a word such as `true`. */
  #inside: 'nothing' | 'string' | 'plain' = 'nothing';
  /** Of a string: the byte before was a backslash that counts. */
  #escape: 'none' | 'begun' = 'none';
  #phase: 'before' | 'key' | 'value' | 'over' = 'before';
  #depth = 0;
  #at = 0;
  #start = 0;
  /** The string or word at hand, as far as it matters. */
  #kept: number[] = [];
  #keeping: 'kept' | 'left' = 'left';
  #key: string | undefined;
  model: FoundModel | undefined;
  stream: boolean | undefined;
  /** What the body is, once it has begun. */
  kind: 'object' | 'other' | 'nothing' = 'nothing';

  get state(): 'reading' | 'over' {
    return this.#phase === 'over' || (this.model && this.stream !== undefined) ? 'over' : 'reading';
  }

  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += 1) {
      if (this.state === 'over') return;
      // Pictures come as one long string: most bytes are none of ours.
      if (this.#inside === 'string' && this.#keeping === 'left' && this.#escape === 'none') {
        const from = at;
        while (at < bytes.length && bytes[at] !== quote && bytes[at] !== backslash) at += 1;
        this.#at += at - from;
        if (at === bytes.length) return;
      }
      this.#next(bytes[at] ?? 0);
      this.#at += 1;
    }
  }

  #next(byte: number): void {
    if (this.#inside === 'string') this.#inString(byte);
    else if (this.#inside === 'plain' && !isEnd(byte)) this.#keep(byte);
    else {
      if (this.#inside === 'plain') this.#ended();
      this.#between(byte);
    }
  }

  #inString(byte: number): void {
    this.#keep(byte);
    if (this.#escape === 'begun') this.#escape = 'none';
    else if (byte === backslash) this.#escape = 'begun';
    else if (byte === quote) this.#ended();
  }

  #between(byte: number): void {
    if (isSpace(byte)) return;
    if (this.#phase === 'before') {
      this.#phase = byte === openObject ? 'key' : 'over';
      this.kind = byte === openObject ? 'object' : 'other';
      this.#depth = 1;
    } else if (byte === quote) this.#begin('string', byte);
    else if (byte === openObject || byte === openList) this.#depth += 1;
    else if (byte === closeObject || byte === closeList) this.#close();
    else if (byte === colon && this.#depth === 1) this.#phase = 'value';
    else if (byte === comma) this.#comma();
    else if (byte !== colon) this.#begin('plain', byte);
  }

  #comma(): void {
    if (this.#depth !== 1) return;
    this.#phase = 'key';
    this.#key = undefined;
  }

  #close(): void {
    this.#depth -= 1;
    if (this.#depth === 0) this.#phase = 'over';
  }

  #begin(inside: 'string' | 'plain', byte: number): void {
    const wanted = this.#phase === 'key' || this.#key === 'model' || this.#key === 'stream';
    this.#inside = inside;
    this.#keeping = this.#depth === 1 && wanted ? 'kept' : 'left';
    this.#kept = [];
    this.#start = this.#at;
    this.#keep(byte);
  }

  /** One more than the most: so that what is cut is seen to be. */
  #keep(byte: number): void {
    if (this.#keeping === 'kept' && this.#kept.length <= keptBytesMax) this.#kept.push(byte);
  }

  #ended(): void {
    const inside = this.#inside;
    this.#inside = 'nothing';
    if (this.#keeping === 'left') return;
    const value = this.#value();
    if (this.#phase === 'key') this.#key = typeof value === 'string' ? value : undefined;
    else if (this.#key === 'stream' && typeof value === 'boolean') this.stream ??= value;
    else if (this.#key === 'model' && typeof value === 'string' && value !== '' && inside === 'string')
      this.model ??= { value, start: this.#start, end: this.#at + 1 };
  }

  #value(): unknown {
    const text = Buffer.from(this.#kept).toString();
    if (this.#kept.length > keptBytesMax) return text;
    try {
      return JSON.parse(text);
    } catch {
      // No JSON: the engine will say so.
      return undefined;
    }
  }
}

const isEnd = (byte: number): boolean =>
  isSpace(byte) || byte === comma || byte === closeObject || byte === closeList || byte === colon;
