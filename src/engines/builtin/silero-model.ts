// The Silero v5 model: how likely a frame is speech. Frames that wait from several streams are judged in one run, which
// takes about half the time that as many single runs do. Whoever loads it closes it.
import { setImmediate } from 'node:timers/promises';
import { type InferenceSession, Tensor } from 'onnxruntime-web/wasm';

/** What the model was trained on: 32 ms at 16 kHz, led by the last 4 ms of the frame before. */
export const modelRateHz = 16_000;
export const frameSamples = 512;
export const contextSamples = 64;
const inputSamples = contextSamples + frameSamples;

/** The recurrent state of a stream: two layers. */
const layers = 2;
const layerValues = 128;
export const stateValues = layers * layerValues;

/** About as many as take 10 ms: messages are let in between two runs. */
const batchMax = 32;

interface Asked {
  readonly input: Float32Array;
  readonly state: Float32Array;
  readonly answer: PromiseWithResolvers<number>;
}

export class SileroModel {
  readonly #session: InferenceSession;
  readonly #rate = new Tensor('int64', BigInt64Array.of(BigInt(modelRateHz)), []);
  /** At most one a stream: its next frame needs the state that this one leaves. */
  readonly #waiting: Asked[] = [];
  #working: Promise<void> | undefined;
  #state: 'open' | 'closed' = 'open';

  constructor(session: InferenceSession) {
    this.#session = session;
  }

  /** Looks at `input`, and renews `state`: both are the model's until it has answered. */
  judge(input: Float32Array, state: Float32Array): Promise<number> {
    const answer = Promise.withResolvers<number>();
    this.#waiting.push({ input, state, answer });
    this.#working ??= this.#work();
    return answer.promise;
  }

  /** What waits is refused. Idempotent. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    await this.#working;
    await this.#session.release();
  }

  /** One run at a time, whoever asks: the runtime's stack is not made for two callers. */
  async #work(): Promise<void> {
    while (this.#waiting.length > 0) {
      // A run blocks the thread, and awaiting it lets nobody in. Only after a turn of the event loop have the messages
      // been heard that came meanwhile: cancels, and the frames that make this batch.
      await setImmediate();
      const batch = this.#waiting.splice(0, batchMax);
      try {
        await this.#run(batch);
      } catch (error) {
        for (const { answer } of batch) answer.reject(error);
      }
    }
    this.#working = undefined;
  }

  async #run(batch: readonly Asked[]): Promise<void> {
    if (this.#state === 'closed') throw new Error('the voice-activity engine is closed');
    const count = batch.length;
    const input = new Tensor('float32', gathered(batch), [count, inputSamples]);
    const state = new Tensor('float32', gatheredStates(batch), [layers, count, layerValues]);
    const { output, stateN } = await this.#session.run({ input, state, sr: this.#rate });
    const [speech, states] = [output?.data, stateN?.data];
    if (!(speech instanceof Float32Array && states instanceof Float32Array))
      throw new Error('the voice-activity model answered without a probability, or without its state');
    for (const [at, { state: own, answer }] of batch.entries()) {
      for (let layer = 0; layer < layers; layer += 1) {
        const from = (layer * count + at) * layerValues;
        own.set(states.subarray(from, from + layerValues), layer * layerValues);
      }
      const probability = speech[at] ?? Number.NaN;
      if (Number.isFinite(probability)) answer.resolve(probability);
      else answer.reject(new Error(`the voice-activity model answered ${probability}, not a probability`));
    }
  }
}

function gathered(batch: readonly Asked[]): Float32Array {
  const inputs = new Float32Array(batch.length * inputSamples);
  for (const [at, { input }] of batch.entries()) inputs.set(input, at * inputSamples);
  return inputs;
}

/** The model has the layers outside, the streams have them inside. */
function gatheredStates(batch: readonly Asked[]): Float32Array {
  const states = new Float32Array(batch.length * stateValues);
  for (const [at, { state }] of batch.entries()) {
    for (let layer = 0; layer < layers; layer += 1) {
      const values = state.subarray(layer * layerValues, (layer + 1) * layerValues);
      states.set(values, (layer * batch.length + at) * layerValues);
    }
  }
  return states;
}
