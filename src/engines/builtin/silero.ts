// Built-in voice activity detection: the Silero v5 model on ONNX Runtime's WebAssembly, one thread. A loaded engine
// owns the model, which all streams share; a stream owns its recurrent state, its resampler and a frame of samples.
// The engine's close() waits for the frame under way and releases the model.
import { env, InferenceSession, Tensor } from 'onnxruntime-web/wasm';
import { Resampler } from '../../audio/resample.ts';
import type { EngineModule, LoadContext, LoadedEngine, VadStream } from '../contract.ts';
import { readAsset } from './asset.ts';
import { messageTurn } from './message-turn.ts';

/** What the model was trained on: 32 ms at 16 kHz, led by the last 4 ms of the frame before. */
const modelRateHz = 16_000;
const frameSamples = 512;
const contextSamples = 64;
const stateShape = [2, 1, 128] as const;
/** About as many as take 10 ms; other streams' messages are let in between. */
const framesPerTurn = 8;

/** The model does one frame at a time, whoever asks: the runtime's stack is not made for two callers. */
class Model {
  readonly #session: InferenceSession;
  readonly #rate = new Tensor('int64', BigInt64Array.of(BigInt(modelRateHz)), []);
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(session: InferenceSession) {
    this.#session = session;
  }

  judge(input: Tensor, state: Tensor): Promise<{ speech: number; state: Tensor }> {
    const answer = this.#last.then(() => this.#run(input, state));
    // The failure of one frame is its caller's, not the next one's.
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#last;
    await this.#session.release();
  }

  async #run(input: Tensor, state: Tensor): Promise<{ speech: number; state: Tensor }> {
    if (this.#closed) throw new Error('the voice-activity engine is closed');
    const { output, stateN } = await this.#session.run({ input, state, sr: this.#rate });
    const speech = output?.data[0];
    if (typeof speech !== 'number' || !Number.isFinite(speech) || !stateN) {
      throw new Error(`the voice-activity model answered ${String(speech)} instead of a probability`);
    }
    return { speech, state: stateN };
  }
}

class Stream implements VadStream {
  readonly #model: Model;
  readonly #resampler: Resampler;
  /** Context, then the frame as far as it is filled; what does not fill a frame waits here for the next push. */
  readonly #samples = new Float32Array(contextSamples + frameSamples);
  readonly #input = new Tensor('float32', this.#samples, [1, contextSamples + frameSamples]);
  #state: Tensor = new Tensor('float32', new Float32Array(256), stateShape);
  #filled = contextSamples;
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(model: Model, rateHz: number) {
    this.#model = model;
    this.#resampler = new Resampler({ fromHz: rateHz, toHz: modelRateHz });
  }

  push(pcm: Int16Array): Promise<readonly { readonly speech: number }[]> {
    const answer = this.#last.then(() => this.#judge(pcm));
    // As above: a failed push is told to whoever pushed.
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
  }

  async #judge(pcm: Int16Array): Promise<{ speech: number }[]> {
    if (this.#closed) throw new Error('this voice-activity stream is closed');
    const frames: { speech: number }[] = [];
    for (const sample of this.#resampler.push(pcm)) {
      this.#samples[this.#filled++] = sample / 32768;
      if (this.#filled < this.#samples.length) continue;
      frames.push({ speech: await this.#judgeFrame() });
      if (frames.length % framesPerTurn === 0) await messageTurn();
      // Nobody waits for the rest of a long push.
      if (this.#closed) break;
    }
    return frames;
  }

  async #judgeFrame(): Promise<number> {
    const { speech, state } = await this.#model.judge(this.#input, this.#state);
    this.#state = state;
    this.#samples.copyWithin(0, frameSamples);
    this.#filled = contextSamples;
    return speech;
  }
}

async function load({ progress, signal }: LoadContext): Promise<LoadedEngine> {
  const [runtime, weights] = await Promise.all([
    readAsset({
      besideUrl: import.meta.url,
      name: 'ort-wasm-simd-threaded.wasm',
      packaged: 'onnxruntime-web/dist/ort-wasm-simd-threaded.wasm',
    }),
    readAsset({
      besideUrl: import.meta.url,
      name: 'silero_vad_v5.onnx',
      packaged: '@ricky0123/vad-web/dist/silero_vad_v5.onnx',
    }),
  ]);
  signal.throwIfAborted();
  progress(0.2, 'compiling');
  // Given the bytes, the runtime fetches nothing, and its loader is the one in the bundle.
  env.wasm.wasmBinary = runtime;
  env.wasm.numThreads = 1;
  env.wasm.proxy = false;
  env.logLevel = 'error';
  const session = await InferenceSession.create(weights, { executionProviders: ['wasm'] });
  delete env.wasm.wasmBinary;
  const model = new Model(session);
  progress(0.8, 'judging a test frame');
  await new Stream(model, modelRateHz).push(new Int16Array(frameSamples));
  return {
    vad: ({ rate }) => new Stream(model, rate),
    close: () => model.close(),
  };
}

export default { contract: 1, offers: ['vad'], load } satisfies EngineModule;
