import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Lanes } from '../../../src/llama-server/lanes.ts';

const open = () => new AbortController().signal;

/** Work that ends when it is told to. */
class Work {
  readonly done = Promise.withResolvers<void>();
  state: 'waiting' | 'running' | 'ended' = 'waiting';
  lane = -1;
  readonly outcome: Promise<unknown>;
  readonly controller = new AbortController();

  constructor(lanes: Lanes) {
    const run = async (lane: number) => {
      this.state = 'running';
      this.lane = lane;
      await this.done.promise;
      this.state = 'ended';
    };
    this.outcome = lanes.run(this.controller.signal, run).catch((error: unknown) => error);
  }
}

const settle = async () => {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
};

test('one after the other, in the order they came', async () => {
  const lanes = new Lanes({ lanes: 1, waitingMax: 5 });
  const works = [1, 2, 3].map(() => new Work(lanes));
  await settle();
  expect(works.map(({ state }) => state)).toEqual(['running', 'waiting', 'waiting']);
  expect([lanes.active, lanes.waiting]).toEqual([1, 2]);
  works[0]?.done.resolve();
  await settle();
  expect(works.map(({ state }) => state)).toEqual(['ended', 'running', 'waiting']);
  works[1]?.done.resolve();
  works[2]?.done.resolve();
  await settle();
  expect([lanes.active, lanes.waiting]).toEqual([0, 0]);
});

test('one more than may wait is refused at once, with the numbers', async () => {
  const lanes = new Lanes({ lanes: 1, waitingMax: 1 });
  const works = [1, 2, 3].map(() => new Work(lanes));
  await settle();
  expect(await works[2]?.outcome).toMatchObject({
    code: 'engine_busy',
    message: '1 answers are under way and 1 requests wait, which is the limit',
  });
});

test('who leaves while waiting makes room, and is never run', async () => {
  const lanes = new Lanes({ lanes: 1, waitingMax: 1 });
  const [first, second] = [new Work(lanes), new Work(lanes)];
  await settle();
  second.controller.abort('client_left');
  expect(await second.outcome).toBe('client_left');
  const third = new Work(lanes);
  first.done.resolve();
  await settle();
  expect([second.state, third.state]).toEqual(['waiting', 'running']);
});

test('work that throws gives its lane on', async () => {
  const lanes = new Lanes({ lanes: 1, waitingMax: 0 });
  await expect(lanes.run(open(), () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await lanes.run(open(), (lane) => Promise.resolve(lane))).toBe(0);
});

test('the lane that was used last is used again', async () => {
  const lanes = new Lanes({ lanes: 3, waitingMax: 0 });
  const used: number[] = [];
  for (let call = 0; call < 3; call += 1)
    await lanes.run(open(), (lane) => Promise.resolve(void used.push(lane)));
  expect(used).toEqual([0, 0, 0]);
});

test('whatever comes and goes: a lane has one work, no lane idles while somebody waits, all end', async () => {
  const step = fc.constantFrom('come', 'end', 'leave');
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 0, max: 4 }),
      fc.array(step, { maxLength: 40 }),
      async (count, waitingMax, steps) => {
        const lanes = new Lanes({ lanes: count, waitingMax });
        const works: Work[] = [];
        const oldest = (state: Work['state']) =>
          works.find((work) => work.state === state && !work.controller.signal.aborted);
        for (const what of steps) {
          if (what === 'come') works.push(new Work(lanes));
          if (what === 'end') oldest('running')?.done.resolve();
          if (what === 'leave') oldest('waiting')?.controller.abort('client_left');
          await settle();
          const running = works.filter(({ state }) => state === 'running');
          expect(new Set(running.map(({ lane }) => lane)).size).toBe(running.length);
          expect(lanes.active).toBe(running.length);
          expect(lanes.waiting).toBeLessThanOrEqual(waitingMax);
          if (lanes.waiting > 0) expect(running.length).toBe(count);
        }
        for (const work of works) work.done.resolve();
        await Promise.all(works.map(({ outcome }) => outcome));
        expect([lanes.active, lanes.waiting]).toEqual([0, 0]);
      },
    ),
    { numRuns: 50 },
  );
});
