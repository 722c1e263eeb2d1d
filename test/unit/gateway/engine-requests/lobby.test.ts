// Who waits for an engine, and what he is told meanwhile, in virtual time.
import { describe, expect, test } from 'vitest';
import type { Engine } from '../../../../src/engines/engine.ts';
import type { AdmitOptions, Lease } from '../../../../src/engines/lease.ts';
import type { EngineStatus } from '../../../../src/engines/status.ts';
import { Lobby } from '../../../../src/gateway/engine-requests/lobby.ts';
import { GreenroomError } from '../../../../src/lifecycle/errors.ts';
import { VirtualClock } from '../../../../src/testing/virtual-clock.ts';

const { signal: never } = new AbortController();

/** An engine of which the test decides when somebody is let in. */
class FakeEngine {
  readonly name = 'llm';
  readonly listeners = new Set<(status: EngineStatus) => void>();
  readonly admitted: PromiseWithResolvers<Lease>[] = [];
  facts: Partial<EngineStatus> = {
    state: 'starting',
    rung: 'http',
    progress: null,
    etaMs: null,
    elapsedMs: 1500,
  };

  status = (): EngineStatus =>
    ({ name: this.name, failure: null, waitingCalls: this.#line.size, ...this.facts }) as EngineStatus;

  onChange(listener: (status: EngineStatus) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  readonly #line = new Set<PromiseWithResolvers<Lease>>();

  admit({ onWait }: AdmitOptions): Promise<Lease> {
    const admitted = Promise.withResolvers<Lease>();
    this.admitted.push(admitted);
    this.#line.add(admitted);
    onWait?.({ position: () => [...this.#line].indexOf(admitted) + 1 });
    const leave = () => void this.#line.delete(admitted);
    admitted.promise.then(leave, leave);
    return admitted.promise;
  }

  become(facts: Partial<EngineStatus>): void {
    this.facts = { ...this.facts, ...facts };
    for (const listener of this.listeners) listener(this.status());
  }
}

function stage() {
  const clock = new VirtualClock();
  const lobby = new Lobby(clock);
  const engine = new FakeEngine();
  const seat = (streamed: () => boolean = () => true) => {
    const told: string[] = [];
    const reply = { wait: (comment: string) => told.push(`${Math.round(clock.now())} ${comment.trim()}`) };
    const seated = lobby.seat({ engine: engine as unknown as Engine, reply, streamed, signal: never });
    seated.catch(() => undefined);
    return { told, seated };
  };
  return { clock, engine, seat };
}

const lease = { release: () => undefined } as unknown as Lease;

describe('who waits for a stream', () => {
  test('is told nothing for a second, then how it stands every two, with its place', async () => {
    const { clock, seat } = stage();
    seat(() => false);
    const { told } = seat();
    await clock.advance(999);
    expect(told).toEqual([]);
    await clock.advance(4001);
    const words = ': greenroom engine=llm state=starting rung=http position=2';
    expect(told).toEqual([`1000 ${words}`, `3000 ${words}`, `5000 ${words}`]);
  });

  test('is told of changes, four times a second at the most, and the last of them', async () => {
    const { clock, engine, seat } = stage();
    const { told } = seat();
    engine.become({ progress: 0.01 });
    await clock.advance(1000);
    for (let step = 2; step <= 50; step += 1) {
      await clock.advance(10);
      engine.become({ progress: step / 100, rung: 'loaded', etaMs: 8000 - step * 100 });
    }
    await clock.advance(300);
    expect(told[0]).toBe('1000 : greenroom engine=llm state=starting rung=http pct=1 position=1');
    expect(told.map((words) => Number(words.split(' ')[0]))).toEqual([1000, 1250, 1500]);
    expect(told.at(-1)).toContain('rung=loaded pct=50 eta=3s');
    engine.become({});
    await clock.advance(1600);
    expect(told).toHaveLength(3);
  });

  test('moves up, and is let in', async () => {
    const { clock, engine, seat } = stage();
    const first = seat();
    const second = seat();
    await clock.advance(1000);
    expect(engine.status().waitingCalls).toBe(2);
    engine.admitted[0]?.resolve(lease);
    expect(await first.seated).toBe(lease);
    await clock.advance(2000);
    expect(second.told.at(-1)).toContain('position=1');
    engine.admitted[1]?.resolve(lease);
    await second.seated;
    const told = second.told.length;
    engine.become({ state: 'ready' });
    await clock.advance(10_000);
    expect(second.told).toHaveLength(told);
    expect({
      listeners: engine.listeners.size,
      timers: clock.pending,
      waiting: engine.status().waitingCalls,
    }).toEqual({
      ...{ listeners: 0, timers: 0, waiting: 0 },
    });
  });

  test('and says so only later is told from then on', async () => {
    const { clock, seat } = stage();
    let streamed = false;
    const { told } = seat(() => streamed);
    await clock.advance(2000);
    expect(told).toEqual([]);
    streamed = true;
    await clock.advance(1000);
    expect(told).toHaveLength(1);
  });
});

describe('who waits in vain', () => {
  test.each([
    ['engine_not_ready', { state: 'starting', etaMs: 8000 }, 8000],
    ['engine_not_ready', { state: 'backoff', etaMs: null }, 5000],
    ['engine_busy', { state: 'ready', etaMs: null }, 5000],
    ['engine_load_failed', { state: 'failed', etaMs: null }, null],
    ['engine_stopped', { state: 'stopped', etaMs: null }, null],
  ] as const)(
    'because of %s learns how the engine stands, and when to come again',
    async (code, facts, retryAfterMs) => {
      const { clock, engine, seat } = stage();
      seat();
      const { seated } = seat();
      engine.become({
        ...facts,
        failure: { code: 'engine_exited', message: 'x', cause: null, logTail: ['CUDA error'] },
      });
      await clock.advance(700);
      engine.admitted[1]?.reject(new GreenroomError(code, 'the reason', { details: { logTail: [] } }));
      await expect(seated).rejects.toMatchObject({
        ...{ code, message: 'the reason' },
        details: {
          ...{ engine: 'llm', state: facts.state, rung: 'http', elapsedMs: 1500, position: 2, waitedMs: 700 },
          ...{ logTail: ['CUDA error'], retryAfterMs },
        },
      });
    },
  );
});
