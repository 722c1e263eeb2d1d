// A stream of events on its way from an engine to its caller, event by event: an event goes on when it is whole, so that
// something of ours can follow it at any time. Watches whether anything was said in it, and whether it came to its end:
// the last word (`[DONE]`) is kept back from a stream that had no other. Pure.
//
// Looks into events only until something has been said; from then on at the last of them alone, when it ends.
import { choicesSaySomething } from './output-check.ts';

/** `tokens`: of a chat or a completion, which ends with a reason. `plain`: of anything. */
export type StreamKind = 'tokens' | 'plain';

/**
 * How it ended. `no_output`: without a word. `cut`: before its end. `told`: with an error of the engine's own, which the
 * caller has.
 */
export type StreamEnd = 'whole' | 'no_output' | 'cut' | 'told';

/** A longer event goes on before it is whole. */
const eventBytesMax = 1024 * 1024;
/** Of what came last, looked at when it ends. */
const tailBytes = 64 * 1024;
/** Among which an error is the last word. */
const lastEvents = 2;
/** Within a text it would stand with backslashes. */
const finishReason = /"finish_reason"\s*:\s*"/;
const nothing: Buffer = Buffer.alloc(0);

export class SseRelay {
  readonly #kind: StreamKind;
  /** The beginning of an event. */
  #rest: Buffer = nothing;
  #tail: Buffer[] = [];
  #tailBytes = 0;
  #bytes = 0;
  #said: 'nothing' | 'something' = 'nothing';

  constructor(kind: StreamKind) {
    this.#kind = kind;
  }

  /** What can go on by now. */
  push(bytes: Buffer): Buffer {
    this.#bytes += bytes.length;
    const came = this.#rest.length > 0 ? Buffer.concat([this.#rest, bytes]) : bytes;
    const end = came.length > eventBytesMax ? came.length : wholeEvents(came);
    this.#rest = came.subarray(end);
    const goes = came.subarray(0, end);
    if (this.#kind === 'plain' || goes.length === 0) return goes;
    if (this.#said === 'nothing') return this.#listen(goes);
    this.#remember(goes);
    return goes;
  }

  /** @param how `lost`: the connection ended before the answer did. */
  end(how: 'ended' | 'lost'): { readonly end: StreamEnd; readonly rest: Buffer } {
    const rest = this.#rest;
    this.#rest = nothing;
    const end = this.#kind === 'plain' ? this.#plainEnd(how) : this.#tokensEnd(how, rest);
    // Some leave out the last empty line; half an event is of no use to anybody.
    return { end, rest: end === 'whole' || end === 'told' ? rest : nothing };
  }

  #plainEnd(how: 'ended' | 'lost'): StreamEnd {
    if (how === 'lost') return 'cut';
    return this.#bytes === 0 ? 'no_output' : 'whole';
  }

  #tokensEnd(how: 'ended' | 'lost', rest: Buffer): StreamEnd {
    if (this.#said === 'nothing') this.#listen(rest);
    else this.#remember(rest);
    const last = dataIn(Buffer.concat(this.#tail).subarray(-tailBytes).toString('utf8'));
    if (last.slice(-lastEvents).some(isError)) return 'told';
    const done = last.some((data) => data === '[DONE]');
    if (how === 'lost' && !done) return 'cut';
    if (this.#said === 'nothing') return 'no_output';
    return done || last.some((data) => finishReason.test(data)) ? 'whole' : 'cut';
  }

  /** Until something has been said. */
  #listen(events: Buffer): Buffer {
    let at = 0;
    while (at < events.length && this.#said === 'nothing') {
      const lineEnd = events.indexOf(0x0a, at);
      const end = lineEnd === -1 ? events.length : lineEnd + 1;
      const data = dataOf(events.toString('utf8', at, end));
      if (data === '[DONE]') {
        this.#remember(events.subarray(0, end));
        return events.subarray(0, at);
      }
      if (data !== undefined && choicesSaySomething(parsed(data))) this.#said = 'something';
      at = end;
    }
    this.#remember(events);
    return events;
  }

  #remember(events: Buffer): void {
    if (events.length === 0) return;
    this.#tail.push(events);
    this.#tailBytes += events.length;
    while (this.#tailBytes - (this.#tail[0]?.length ?? 0) >= tailBytes)
      this.#tailBytes -= this.#tail.shift()?.length ?? 0;
  }
}

/** How many bytes of it are whole events: up to the last empty line. */
function wholeEvents(came: Buffer): number {
  const [lf, crlf] = [came.lastIndexOf('\n\n'), came.lastIndexOf('\r\n\r\n')];
  return Math.max(lf === -1 ? 0 : lf + 2, crlf === -1 ? 0 : crlf + 4);
}

function dataOf(line: string): string | undefined {
  return line.startsWith('data:') ? line.slice('data:'.length).trim() : undefined;
}

const dataIn = (events: string): readonly string[] =>
  events
    .split(/\r?\n/)
    .map(dataOf)
    .filter((data) => data !== undefined);

function isError(data: string): boolean {
  return data.includes('"error"') && Boolean((parsed(data) as { error?: unknown } | undefined)?.error);
}

function parsed(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    // Whatever it is, it is not ours to judge.
    return undefined;
  }
}
