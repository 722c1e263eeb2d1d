// Lines as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html), as they come. A reader
// who is slow misses some, and is told how many; nobody waits for him.
import type { Clock, Timer } from '../lifecycle/clock.ts';

export interface LineStreamOptions {
  readonly clock: Clock;
  /** Sent first. */
  readonly before: readonly string[];
  /** Whole lines, as they come; returns the undo. */
  readonly listen: (told: (text: string) => void) => () => void;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** Written and not yet taken; what comes beyond is left out. */
const waitingCharsMax = 1024 * 1024;
/** Proxies close what is silent. */
const commentEveryMs = 15_000;

export function lineStream({ clock, before, listen, signal }: LineStreamOptions): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let leave = (): void => undefined;
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        let left = 0;
        let comment: Timer;
        const send = (text: string) => controller.enqueue(encoder.encode(text));
        const breathe = () => {
          if ((controller.desiredSize ?? 0) > 0) send(': still here\n\n');
          comment = clock.after(commentEveryMs, breathe, { ref: false });
        };
        const tell = (lines: readonly string[]) => {
          if ((controller.desiredSize ?? 0) <= 0) {
            left += lines.length;
            return;
          }
          if (left > 0) send(`event: gap\ndata: ${JSON.stringify({ lines: left })}\n\n`);
          left = 0;
          send(lines.map((line) => `data: ${JSON.stringify(line)}\n\n`).join(''));
        };
        comment = clock.after(commentEveryMs, breathe, { ref: false });
        const unlisten = listen((text) => tell(text.split('\n').slice(0, -1)));
        const end = () => {
          leave();
          controller.close();
        };
        leave = () => {
          comment.cancel();
          unlisten();
          signal.removeEventListener('abort', end);
        };
        signal.addEventListener('abort', end, { once: true });
        send(': the last lines, and then what comes\n\n');
        if (before.length > 0) tell(before);
        if (signal.aborted) end();
      },
      cancel: () => leave(),
    },
    { highWaterMark: waitingCharsMax, size: (chunk) => chunk?.byteLength ?? 0 },
  );
}
