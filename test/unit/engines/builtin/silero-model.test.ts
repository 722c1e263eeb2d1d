import type { InferenceSession } from 'onnxruntime-web/wasm';
import { Tensor } from 'onnxruntime-web/wasm';
import { describe, expect, test } from 'vitest';
import { SileroModel, stateValues } from '../../../../src/engines/builtin/silero-model.ts';

const inputSamples = 576;

/** Answers the first sample of each frame, and adds it to the whole state. */
class Session {
  readonly batches: number[] = [];
  released = 0;
  fails = false;

  async run({ input, state }: { input: Tensor; state: Tensor }) {
    const [count = 0] = input.dims;
    this.batches.push(count);
    expect(input.dims).toEqual([count, inputSamples]);
    expect(state.dims).toEqual([2, count, 128]);
    if (this.fails) throw new Error('out of memory');
    const first = Float32Array.from({ length: count }, (_, at) => Number(input.data[at * inputSamples]));
    const next = Float32Array.from(state.data as Float32Array, (value, at) => {
      const stream = Math.floor(at / 128) % count;
      return value + (first[stream] ?? 0);
    });
    return {
      output: new Tensor('float32', first, [count, 1]),
      stateN: new Tensor('float32', next, [2, count, 128]),
    };
  }

  async release(): Promise<void> {
    this.released += 1;
  }
}

function modelOf(session: Session): SileroModel {
  return new SileroModel(session as unknown as InferenceSession);
}

const frame = (first: number) => new Float32Array(inputSamples).fill(first, 0, 1);
/** Its two layers differ. */
const stateOf = (value: number) => new Float32Array(stateValues).fill(value, 0, 128).fill(-value, 128);

describe('the model', () => {
  test('judges what waits in one run, at most 32 frames, and gives each stream its own state', async () => {
    const session = new Session();
    const model = modelOf(session);
    const streams = Array.from({ length: 40 }, (_, at) => ({ input: frame(at), state: stateOf(100 + at) }));
    const answers = await Promise.all(streams.map(({ input, state }) => model.judge(input, state)));
    expect(session.batches).toEqual([32, 8]);
    expect(answers).toEqual(streams.map((_, at) => at));
    for (const [at, { state }] of streams.entries()) {
      expect(new Set(state.subarray(0, 128))).toEqual(new Set([100 + 2 * at]));
      expect(new Set(state.subarray(128))).toEqual(new Set([-100]));
    }
  });

  test('takes what comes while it works into the next run', async () => {
    const session = new Session();
    const model = modelOf(session);
    const follow = async (first: number) => {
      for (let count = 0; count < 3; count += 1) await model.judge(frame(first), stateOf(0));
    };
    await Promise.all([follow(1), follow(2), follow(3)]);
    expect(session.batches).toEqual([3, 3, 3]);
  });

  test('whose run fails fails those in it, and no later one; their state is as before', async () => {
    const session = new Session();
    const model = modelOf(session);
    const state = stateOf(5);
    session.fails = true;
    const failed = [model.judge(frame(1), state), model.judge(frame(2), stateOf(0))];
    for (const answer of failed) await expect(answer).rejects.toThrow('out of memory');
    expect(state).toEqual(stateOf(5));
    session.fails = false;
    expect(await model.judge(frame(3), state)).toBe(3);
  });

  test('that answers nonsense for one frame fails that one alone', async () => {
    const model = modelOf(new Session());
    const [bad, good] = [model.judge(frame(Number.NaN), stateOf(0)), model.judge(frame(0.5), stateOf(0))];
    await expect(bad).rejects.toThrow('the voice-activity model answered NaN, not a probability');
    expect(await good).toBe(0.5);
  });

  test('that is closed refuses what waits, and is released once', async () => {
    const session = new Session();
    const model = modelOf(session);
    const waits = expect(model.judge(frame(1), stateOf(0))).rejects.toThrow('engine is closed');
    await Promise.all([model.close(), model.close()]);
    await waits;
    expect(session.released).toBe(1);
    await expect(model.judge(frame(1), stateOf(0))).rejects.toThrow('engine is closed');
  });
});
