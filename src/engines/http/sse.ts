// Server-sent events, taken apart as they come: the network cuts anywhere. Pure; nothing to close.
// https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
import { StringDecoder } from 'node:string_decoder';

export interface SseEvent {
  /** `message` unless it says another. */
  readonly event: string;
  readonly data: string;
}

/** Nobody writes an event of more. */
const charsMax = 8 * 1024 * 1024;

export class SseReader {
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';
  #event = '';
  #data: string[] = [];
  #chars = 0;

  /** The events that are complete by now. Throws when one is too long. */
  push(bytes: Buffer): readonly SseEvent[] {
    const text = this.#rest + this.#decoder.write(bytes);
    // A carriage return at the very end may be the first half of a line end.
    const lines = text.split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? '';
    const events = lines.flatMap((line) => this.#line(line));
    if (this.#chars + this.#rest.length > charsMax)
      throw new Error(`an event of more than ${charsMax} characters`);
    return events;
  }

  /** What came of an event that nothing ended: some servers leave out the last line. */
  end(): readonly SseEvent[] {
    const rest = this.#rest + this.#decoder.end();
    this.#rest = '';
    return [...(rest === '' ? [] : this.#line(rest.replace(/\r$/, ''))), ...this.#line('')];
  }

  #line(line: string): readonly SseEvent[] {
    if (line === '') return this.#dispatch();
    const [, field = '', value = ''] = /^([^:]*)(?::\s?(.*))?$/s.exec(line) ?? [];
    this.#chars += line.length;
    if (field === 'data') this.#data.push(value);
    else if (field === 'event') this.#event = value;
    // Not of the standard, but of llama.cpp.
    else if (field === 'error') {
      this.#event = 'error';
      this.#data.push(value);
    }
    return [];
  }

  #dispatch(): readonly SseEvent[] {
    const event = { event: this.#event || 'message', data: this.#data.join('\n') };
    const isEmpty = this.#data.length === 0;
    this.#event = '';
    this.#data = [];
    this.#chars = 0;
    return isEmpty ? [] : [event];
  }
}
