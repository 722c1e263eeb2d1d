// The half that all servers of the fan-out share: publishes events in process, by a timer, as many a millisecond as it is
// asked to. What a server holds up is not made up for without end: a producer that is late leaves out what it could not
// publish within a burst, and says how many it did.

/** What the parent asks a server. */
export type ProducerQuestion =
  | { readonly type: 'ready' }
  | { readonly type: 'memory' }
  | { readonly type: 'publish'; readonly perMs: number; readonly forMs: number };

export interface Memory {
  /** After a collection, where Node was started with `--expose-gc`. */
  readonly residentBytes: number;
  readonly heapBytes: number;
}

export type ProducerAnswer = { readonly port: number } | { readonly published: number } | Memory;

/** What may be made up for at once: so many ms, or so many events where that is more. */
const burst = { ms: 10, events: 20 };

/** A change of state as a face processor tells it: 220 bytes of JSON. `at` stands last, see receiver.ts. */
function stateChange(count: number) {
  return {
    type: 'state_change',
    machine_name: 'face_processor',
    from: 'idle',
    to: 'detecting',
    trigger: 'frame_ready',
    count: 100_000 + count,
    context: { camera: 'front', faces: 2, confidence: 0.93 },
    track: 'a8',
    at: (performance.timeOrigin + performance.now()).toFixed(3),
  };
}

export type StateChange = ReturnType<typeof stateChange>;

/** Answers the parent for as long as it is there. */
export function produce(port: number, publish: (event: StateChange) => void): void {
  let count = 0;
  const run = (perMs: number, forMs: number, done: (published: number) => void) => {
    const before = count;
    const beganMs = performance.now();
    let due = 0;
    const timer = setInterval(() => {
      const elapsedMs = performance.now() - beganMs;
      const dueNow = Math.floor(Math.min(elapsedMs, forMs) * perMs);
      for (let left = Math.min(dueNow - due, Math.max(burst.ms * perMs, burst.events)); left > 0; left -= 1) {
        publish(stateChange(count));
        count += 1;
      }
      due = dueNow;
      if (elapsedMs < forMs) return;
      clearInterval(timer);
      done(count - before);
    }, 1);
  };
  const answer = (said: ProducerAnswer) => void process.send?.(said);
  process.on('message', (question: ProducerQuestion) => {
    if (question.type === 'ready') answer({ port });
    else if (question.type === 'memory') answer(memory());
    else run(question.perMs, question.forMs, (published) => answer({ published }));
  });
  process.on('disconnect', () => process.exit());
}

function memory(): Memory {
  for (let times = 0; times < 3; times += 1) globalThis.gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  return { residentBytes: rss, heapBytes: heapUsed };
}
