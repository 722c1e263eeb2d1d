import { expect, test } from 'vitest';
import { LlamaLog } from '../../../src/llama-server/llama-log.ts';
import { VirtualClock } from '../../../src/testing/virtual-clock.ts';

function log() {
  const lines: string[] = [];
  return { lines, log: new LlamaLog((line) => lines.push(line)) };
}

test('everything is written, a line each; the first error is the reason, without what is known anyway', async () => {
  const { lines, log: made } = log();
  made.take('warn', 'load: control token is not marked\n');
  made.take(
    'error',
    "llama_model_load: error loading model: tensor 'x' is not there\nllama_model_load_from_file_impl: failed to load model",
  );
  expect(lines).toEqual([
    'llama.cpp warn: load: control token is not marked',
    "llama.cpp error: llama_model_load: error loading model: tensor 'x' is not there",
    'llama.cpp error: llama_model_load_from_file_impl: failed to load model',
  ]);
  expect(await made.whyFailed(new VirtualClock())).toBe("tensor 'x' is not there");
});

test('what it says a moment after the failure is heard', async () => {
  const { log: made } = log();
  const clock = new VirtualClock();
  const why = made.whyFailed(clock);
  await clock.advance(100);
  made.take('error', "unknown model architecture: 'x'");
  await clock.advance(10);
  expect(await why).toBe("unknown model architecture: 'x'");
});

test('who says nothing of a failure is not waited for longer than 200 ms', async () => {
  const { log: made } = log();
  const clock = new VirtualClock();
  made.take('error', 'llama_model_load_from_file_impl: failed to load model');
  const why = made.whyFailed(clock);
  await clock.advance(205);
  expect(await why).toBeUndefined();
  expect(clock.pending).toBe(0);
});
