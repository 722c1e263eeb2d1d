// Both ends of a worker's calls, joined by a wire whose messages arrive in order but at any time: consumers that are
// slow, cancel, or leave, beside an engine that makes chunks, fails, or takes its time to hear a cancel.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { WorkerCalls } from '../../../../src/engines/worker/calls.ts';
import { HostCalls } from '../../../../src/engines/worker/host-calls.ts';
import { chunksAhead } from '../../../../src/engines/worker/protocol.ts';
import { VirtualClock } from '../../../../src/testing/virtual-clock.ts';

type End = 'reads all' | 'aborts' | 'leaves';
type Made = 'all' | 'fails' | 'deaf';

interface Plan {
  readonly chunks: number;
  readonly made: Made;
  readonly end: End;
  /** Of the chunk after which it aborts or leaves. */
  readonly after: number;
}

const plan: fc.Arbitrary<Plan> = fc.record({
  chunks: fc.nat(30),
  made: fc.constantFrom<Made>('all', 'all', 'fails', 'deaf'),
  end: fc.constantFrom<End>('reads all', 'reads all', 'aborts', 'leaves'),
  after: fc.nat(12),
});

/** Delivers in order, each message when the scheduler says so. */
function wire<Message>(
  scheduler: fc.Scheduler,
  name: string,
  deliver: (message: Message) => void,
): (message: Message) => void {
  const waiting: Message[] = [];
  return (message) => {
    waiting.push(message);
    void scheduler.schedule(Promise.resolve(), name).then(() => {
      const [next] = waiting.splice(0, 1);
      if (next !== undefined) deliver(next);
    });
  };
}

/** Long enough for everything that waits for nobody. */
const rest = () => new Promise((resolve) => setImmediate(resolve));

test('every call ends, in order and whole or cut where it was cut, and every lane is free again', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(plan, { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 1, max: 3 }),
      async (scheduler, plans, concurrency) => {
        const clock = new VirtualClock();
        let running = 0;
        const made = plans.map(() => 0);
        const taken = plans.map(() => 0);
        const toGateway = wire(scheduler, 'to gateway', (message: Parameters<typeof calls.receive>[0]) =>
          calls.receive(message),
        );
        const host = new HostCalls(
          {
            async *speak({ text, signal }) {
              const at = Number(text);
              const { chunks, made: how } = plans[at] as Plan;
              running += 1;
              expect(running, 'calls at a time').toBeLessThanOrEqual(concurrency);
              try {
                for (let count = 0; count < chunks; count += 1) {
                  if (signal.aborted && how !== 'deaf') return;
                  await scheduler.schedule(Promise.resolve(), `make ${at}.${count}`);
                  made[at] = count + 1;
                  expect(count - (taken[at] ?? 0), 'chunks ahead').toBeLessThanOrEqual(chunksAhead);
                  yield { pcm: Int16Array.of(count), rate: 16_000 };
                }
                if (how === 'fails') throw new Error('at the end');
              } finally {
                running -= 1;
              }
            },
          },
          (message) => toGateway(message as Parameters<typeof calls.receive>[0]),
        );
        const calls = new WorkerCalls({
          engine: 'mine',
          limits: { clock, stallMs: 1000, cancelGraceMs: 100, waitingMax: 64, note: () => undefined },
          post: wire(scheduler, 'to host', (message) =>
            host.receive(message as Parameters<typeof host.receive>[0]),
          ),
          onStall: () => expect.unreachable('a stall'),
        });
        calls.open(concurrency);

        const consumed = plans.map(async ({ chunks, made: how, end, after }, at) => {
          const controller = new AbortController();
          const seen: number[] = [];
          let error: unknown;
          try {
            for await (const { pcm } of calls.call(
              { method: 'speak', args: { text: String(at) } },
              controller.signal,
            )) {
              seen.push(pcm[0] ?? -1);
              taken[at] = seen.length;
              if (seen.length > after && end === 'leaves') break;
              if (seen.length > after && end === 'aborts') controller.abort();
              await scheduler.schedule(Promise.resolve(), `take ${at}`);
            }
          } catch (thrown) {
            error = thrown;
          }
          const cut = end !== 'reads all' && after < chunks;
          const whole = cut ? after + 1 : chunks;
          expect(seen).toEqual(Array.from({ length: whole }, (_, count) => count));
          expect(error !== undefined, 'fails').toBe(how === 'fails' && !cut);
        });
        await scheduler.waitFor(Promise.all(consumed));
        // What is still on the wire arrives: the lanes of those who were cancelled become free.
        for (await rest(); scheduler.count() > 0; await rest()) await scheduler.waitAll();
        expect({ active: calls.active, running, timers: clock.pending }).toEqual({
          active: 0,
          running: 0,
          timers: 0,
        });
      },
    ),
    { numRuns: 500 },
  );
}, 60_000);
