// The body on its way to an engine that knows its model by another name: the name is replaced where it stands, wherever
// in the body that is; where none stands, it is added at the end. Everything else goes as it came. Pure.
import { FormPeek } from './form-peek.ts';
import { type BodyPeek, JsonPeek } from './json-peek.ts';

/** Kept back until it is known not to be the name, or the end. */
const heldBytes = 4096;

export class ModelEdit {
  readonly #peek: BodyPeek;
  /** As it is to stand. */
  readonly #value: Buffer;
  /** Adds it to the end of the body; undefined where that has none. */
  readonly #added: (end: Buffer) => Buffer | undefined;
  #held: Buffer = Buffer.alloc(0);
  /** Where `#held` stands in the body. */
  #at = 0;
  /** `done`: what comes passes. */
  state: 'looking' | 'done' = 'looking';

  private constructor(peek: BodyPeek, value: string, added: (end: Buffer) => Buffer | undefined) {
    this.#peek = peek;
    this.#value = Buffer.from(value);
    this.#added = added;
  }

  static ofJson(model: string): ModelEdit {
    const value = JSON.stringify(model);
    return new ModelEdit(new JsonPeek(), value, (end) => addedToJson(end, `"model":${value}`));
  }

  static ofForm(model: string, boundary: string): ModelEdit {
    return new ModelEdit(new FormPeek(boundary), model, (end) => addedToForm(end, boundary, model));
  }

  /** What can go on by now. Throws `invalid_request` for what is no form. */
  push(bytes: Buffer): Buffer {
    if (this.state === 'done') return bytes;
    this.#peek.push(bytes);
    const came = this.#held.length > 0 ? Buffer.concat([this.#held, bytes]) : bytes;
    const { model } = this.#peek;
    if (model) {
      this.state = 'done';
      this.#held = Buffer.alloc(0);
      const start = model.start - this.#at;
      // One that is longer than what is held has begun to go: it is no name that anybody has given.
      if (start < 0) return came;
      const after = came.subarray(model.end - this.#at);
      return Buffer.concat([came.subarray(0, start), this.#value, after]);
    }
    const goes = Math.max(0, came.length - heldBytes);
    this.#held = came.subarray(goes);
    this.#at += goes;
    return came.subarray(0, goes);
  }

  /** The rest, when the body has ended. */
  end(): Buffer {
    const held = this.#held;
    this.#held = Buffer.alloc(0);
    if (this.state === 'done') return held;
    this.state = 'done';
    return this.#added(held) ?? held;
  }
}

function addedToJson(end: Buffer, member: string): Buffer | undefined {
  const text = end.toString('latin1');
  const [, before = '', close] = /^(.*)(\}\s*)$/s.exec(text) ?? [];
  if (close === undefined) return undefined;
  const comma = /\{\s*$/.test(before) ? '' : ',';
  return Buffer.concat([
    Buffer.from(before, 'latin1'),
    Buffer.from(comma + member),
    Buffer.from(close, 'latin1'),
  ]);
}

function addedToForm(end: Buffer, boundary: string, model: string): Buffer | undefined {
  const last = end.lastIndexOf(Buffer.from(`--${boundary}--`, 'latin1'));
  if (last === -1) return undefined;
  const part = `--${boundary}\r\nContent-Disposition: form-data; name="model"\r\n\r\n${model}\r\n`;
  return Buffer.concat([end.subarray(0, last), Buffer.from(part), end.subarray(last)]);
}
