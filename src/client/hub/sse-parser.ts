// Server-sent events out of bytes, however they are cut:
// https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation. Pure.

export type SseItem =
  | { readonly kind: 'message'; readonly name: string; readonly data: string; readonly id: string }
  /** When the server wants to be asked again. */
  | { readonly kind: 'retry'; readonly ms: number };

/** Of one event, which is kept until it is whole. */
export const sseCharactersMax = 16 * 1024 * 1024;

export class SseParser {
  /** Takes a byte order mark away, and puts halves of characters together. */
  readonly #decoder = new TextDecoder();
  /** Of the line that has no end yet. */
  #parts: string[] = [];
  #lastWasReturn = false;
  #data: string[] = [];
  #name = '';
  #id = '';
  #characters = 0;

  /** Throws a RangeError for an event without end. */
  push(bytes: Uint8Array): readonly SseItem[] {
    let text = this.#decoder.decode(bytes, { stream: true });
    if (text === '') return [];
    if (this.#lastWasReturn && text.startsWith('\n')) text = text.slice(1);
    const items: SseItem[] = [];
    const lineEnd = /\r\n?|\n/g;
    let from = 0;
    for (let end = lineEnd.exec(text); end; end = lineEnd.exec(text)) {
      this.#line(this.#parts.join('') + text.slice(from, end.index), items);
      this.#parts = [];
      from = lineEnd.lastIndex;
    }
    if (text !== '') this.#lastWasReturn = text.endsWith('\r');
    else this.#lastWasReturn = false;
    if (from < text.length) this.#parts.push(text.slice(from));
    this.#characters += text.length;
    if (this.#characters > sseCharactersMax && items.length === 0)
      throw new RangeError(`an event has more than ${sseCharactersMax} characters`);
    if (items.length > 0) this.#characters = text.length - from;
    return items;
  }

  #line(line: string, items: SseItem[]): void {
    if (line === '') return this.#dispatch(items);
    const colon = line.indexOf(':');
    // A comment.
    if (colon === 0) {
      if (this.#data.length === 0) this.#characters = 0;
      return;
    }
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    if (field === 'data') this.#data.push(value);
    else if (field === 'event') this.#name = value;
    else if (field === 'id' && !value.includes('\0')) this.#id = value;
    else if (field === 'retry' && /^\d{1,10}$/.test(value)) items.push({ kind: 'retry', ms: Number(value) });
  }

  #dispatch(items: SseItem[]): void {
    if (this.#data.length > 0) {
      const [only = ''] = this.#data;
      const data = this.#data.length > 1 ? this.#data.join('\n') : only;
      items.push({ kind: 'message', name: this.#name || 'message', data, id: this.#id });
      this.#data = [];
    }
    this.#name = '';
  }
}
