// The data of the events in a stream (https://html.spec.whatwg.org/multipage/server-sent-events.html), wherever its
// bytes were cut. Pure.

/** More than a whole answer in one event. */
const eventCharsMax = 4 * 1024 * 1024;

export class SseEvents {
  readonly #decoder = new TextDecoder();
  #rest = '';
  #data: string[] = [];

  /** Throws when an event has no end. */
  push(bytes: Uint8Array): readonly string[] {
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split('\n');
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > eventCharsMax)
      throw new RangeError(`an event of over ${eventCharsMax} characters`);
    return lines.flatMap((line) => this.#line(line.endsWith('\r') ? line.slice(0, -1) : line));
  }

  /** What is left when the stream has ended. */
  end(): readonly string[] {
    const rest = this.#rest;
    this.#rest = '';
    return [...this.#line(rest), ...this.#line('')];
  }

  #line(line: string): readonly string[] {
    if (line.startsWith('data:')) {
      this.#data.push(line.slice(line.startsWith('data: ') ? 6 : 5));
      return [];
    }
    if (line !== '' || this.#data.length === 0) return [];
    const data = this.#data.join('\n');
    this.#data = [];
    return [data];
  }
}
