// The assistant of examples/, without weights: its own script writes the model, llama.cpp runs it, flite says it.
import { execFile } from 'node:child_process';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { Caller } from '../../support/caller.ts';
import { GatewayProcess } from '../../support/gateway-process.ts';
import { llamaProblem } from '../llama/llama-process.ts';

const problem = llamaProblem();
const title = problem ? `the assistant (skipped: ${problem})` : 'the assistant';
const examples = fileURLToPath(new URL('../../../examples/assistant/', import.meta.url));

describe.skipIf(problem)(title, () => {
  test('answers what is typed, aloud', async () => {
    const text = 'Good day. I am a very small model.';
    await using gateway = await GatewayProcess.start({
      prepare: async ({ path }) => {
        await copyFile(join(examples, 'tiny.yaml'), join(path, 'greenroom.yaml'));
        const script = join(examples, 'tiny-model.mjs');
        await promisify(execFile)(process.execPath, [script, join(path, 'tiny.gguf')]);
      },
    });
    await using caller = await Caller.call(await gateway.url());
    await caller.lobby('ready');
    caller.say('Who are you?');
    expect(await caller.event('response.done')).toMatchObject({
      response: { status: 'completed', output: [{ content: [{ type: 'output_audio', transcript: text }] }] },
    });
    expect(caller.samples / 24_000).toBeGreaterThan(1.5);
    expect(caller.all('response.output_audio_transcript.delta').length).toBe(2);
  });
});
