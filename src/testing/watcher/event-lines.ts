// Server-sent events, taken apart as they come (https://html.spec.whatwg.org/multipage/server-sent-events.html).

export interface ServerSentEvent {
  readonly event: string;
  readonly data: string;
  /** Of this one alone. */
  readonly id?: string;
  readonly retryMs?: number;
}

export class EventLines {
  /** Comments so far: signs of life. */
  comments = 0;
  #rest: Buffer = Buffer.alloc(0);
  #fields: { event: string; data: string[]; id?: string; retryMs?: number } = { event: 'message', data: [] };

  push(bytes: Buffer): readonly ServerSentEvent[] {
    const events: ServerSentEvent[] = [];
    this.#rest = Buffer.concat([this.#rest, bytes]);
    const whole = this.#rest.lastIndexOf(0x0a) + 1;
    const lines = this.#rest.toString('utf8', 0, whole).split(/\r\n|\r|\n/);
    this.#rest = Buffer.from(this.#rest.subarray(whole));
    for (const line of lines.slice(0, -1)) {
      const event = this.#line(line);
      if (event) events.push(event);
    }
    return events;
  }

  #line(line: string): ServerSentEvent | undefined {
    if (line === '') return this.#dispatch();
    if (line.startsWith(':')) {
      this.comments += 1;
      return undefined;
    }
    const [, name, value = ''] = /^([^:]*)(?:: ?(.*))?$/.exec(line) ?? [];
    if (name === 'data') this.#fields.data.push(value);
    else if (name === 'event') this.#fields.event = value;
    else if (name === 'id') this.#fields.id = value;
    else if (name === 'retry') this.#fields.retryMs = Number(value);
    return undefined;
  }

  #dispatch(): ServerSentEvent | undefined {
    const { data, ...fields } = this.#fields;
    this.#fields = { event: 'message', data: [] };
    return data.length > 0 ? { ...fields, data: data.join('\n') } : undefined;
  }
}
