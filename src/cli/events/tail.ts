// Shows the events of a gateway as they come, over its restarts, until somebody has seen enough.
import type { HubStream } from '../../client/index.ts';
import type { Clock } from '../../lifecycle/clock.ts';
import type { CommandIo } from '../io.ts';
import { printable } from '../printable.ts';
import { seconds } from '../screen.ts';
import { coloursOf, type Output } from './output.ts';
import { eventLine, evictedText, gapText, type Look, lagText, remarkLine } from './render.ts';

export interface TailOptions {
  readonly json: boolean;
  /** How many events; undefined: for ever. */
  readonly count?: number | undefined;
}

interface World {
  readonly io: CommandIo;
  readonly output: Output;
  readonly clock: Clock;
}

/** Ends when the stream does. Rejects with what ended it, if nobody here did. */
export async function tail(stream: HubStream, options: TailOptions, world: World): Promise<void> {
  const { json, count = Number.POSITIVE_INFINITY } = options;
  const { output, clock, io } = world;
  const colours = coloursOf(io.streams?.out, io.env);
  const forgetRemarks = remark(stream, world);
  void output.gone.then(() => stream.close());
  let left = count;
  for await (const event of stream) {
    const look: Look = { columns: output.columns, colours };
    await output.line(json ? printable(oneLineOfJson(event.raw)) : eventLine(event, clock.wallTime(), look));
    left -= 1;
    if (left <= 0 || output.state === 'gone') break;
  }
  forgetRemarks();
}

/** What happens to the connection: told where people read, and not where programs do. */
function remark(stream: HubStream, { io, clock }: World): () => void {
  let lostMs: number | undefined;
  let epoch: string | undefined;
  const err = io.streams?.err;
  const colours = coloursOf(err, io.env);
  const tell = (kind: 'quiet' | 'warning' | 'loss', text: string) => {
    const line = remarkLine(kind, text, { columns: null, colours });
    // `err` makes everything printable, colours too.
    if (colours === 'on') err?.write(`${line}\n`);
    else io.err(line);
  };
  const undo = [
    stream.on('welcome', (welcome) => {
      const another = epoch !== undefined && epoch !== welcome.epoch ? ', another run of the gateway' : '';
      if (lostMs === undefined)
        tell('quiet', `watching ${welcome.topics.join(' ')} at ${stream.url}, from ${welcome.head}`);
      else if (!welcome.gap && another === '')
        tell('warning', `back after ${seconds(clock.now() - lostMs)}; nothing was missed`);
      else tell('warning', `back after ${seconds(clock.now() - lostMs)}${another}`);
      lostMs = undefined;
      epoch = welcome.epoch;
    }),
    stream.on('reconnecting', ({ reason }) => {
      if (lostMs === undefined) tell('warning', `${reason}; the gateway is looked for, Ctrl+C ends`);
      lostMs ??= clock.now();
    }),
    stream.on('gap', (gap) => tell('loss', gapText(gap))),
    stream.on('evicted', (facts) => tell('loss', evictedText(facts))),
    stream.on('lag', (told) => tell('warning', lagText(told))),
    stream.on('error', ({ code, message }) => tell('loss', `${message} [${code}]`)),
  ];
  return () => {
    for (const off of undo) off();
  };
}

/** JSON may have line feeds between its parts; within its texts there are none. */
const oneLineOfJson = (raw: string): string => raw.replace(/[\r\n]+/g, ' ');
