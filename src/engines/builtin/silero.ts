// Built-in voice activity detection: the Silero v5 model on ONNX Runtime's WebAssembly, one thread. A loaded engine
// owns the model, which all streams share; a stream owns its recurrent state, its resampler and a frame of samples.
// The engine's close() waits for the frames under way and releases the model.
import { env, InferenceSession } from 'onnxruntime-web/wasm';
import { Resampler } from '../../audio/resample.ts';
import type { EngineModule, LoadContext, LoadedEngine, VadStream } from '../contract.ts';
import { readAsset } from './asset.ts';
import { contextSamples, frameSamples, modelRateHz, SileroModel, stateValues } from './silero-model.ts';

class Stream implements VadStream {
  readonly #model: SileroModel;
  readonly #resampler: Resampler;
  /** Context, then the frame as far as it is filled; what does not fill a frame waits here for the next push. */
  readonly #samples = new Float32Array(contextSamples + frameSamples);
  readonly #state = new Float32Array(stateValues);
  #filled = contextSamples;
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(model: SileroModel, rateHz: number) {
    this.#model = model;
    this.#resampler = new Resampler({ fromHz: rateHz, toHz: modelRateHz, listener: 'machine' });
  }

  push(pcm: Int16Array): Promise<readonly { readonly speech: number }[]> {
    const answer = this.#last.then(() => this.#judge(pcm));
    // A failed push is told to whoever pushed, not to the next one.
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
      // Nobody waits for the rest of a long push.
      if (this.#closed) break;
    }
    return frames;
  }

  async #judgeFrame(): Promise<number> {
    const speech = await this.#model.judge(this.#samples, this.#state);
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
  const model = new SileroModel(session);
  progress(0.8, 'judging a test frame');
  await new Stream(model, modelRateHz).push(new Int16Array(frameSamples));
  return {
    vad: ({ rate }) => new Stream(model, rate),
    close: () => model.close(),
  };
}

export default { contract: 1, offers: ['vad'], load } satisfies EngineModule;
