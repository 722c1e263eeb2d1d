// The assistant of examples/, without weights: its own script writes the model, llama.cpp runs it, flite says it.
import { execFile } from 'node:child_process';
import { copyFile, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { Caller } from '../../support/caller.ts';
import { debianProblem } from '../../support/debian.ts';
import { GatewayProcess } from '../../support/gateway-process.ts';
import { llamaProblem } from '../llama/llama-process.ts';
import { spoken } from './spoken.ts';

const problem = llamaProblem();
const title = problem ? `the assistant (skipped: ${problem})` : 'the assistant';
const examples = fileURLToPath(new URL('../../../examples/assistant/', import.meta.url));

const text = 'Good day. I am a very small model.';
const deaf = debianProblem();

async function writeModel(folder: string): Promise<void> {
  const script = join(examples, 'tiny-model.mjs');
  await promisify(execFile)(process.execPath, [script, join(folder, 'tiny.gguf')]);
}

describe.skipIf(problem)(title, () => {
  test('answers what is typed, aloud', async () => {
    await using gateway = await GatewayProcess.start({
      prepare: async ({ path }) => {
        await copyFile(join(examples, 'tiny.yaml'), join(path, 'greenroom.yaml'));
        await writeModel(path);
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

  const spokenTo = deaf ? `and what is said (skipped: ${deaf})` : 'and what is said';
  test.skipIf(deaf)(spokenTo, async () => {
    const { engines, pipelines } = parse(await readFile(join(examples, 'tiny.yaml'), 'utf8'));
    const ears = join(examples, '../interpreter/ears.mjs');
    await using gateway = await GatewayProcess.start({
      config: {
        engines: {
          ...engines,
          ears: { run: ['node', ears, '${port}'], offers: ['transcribe'] },
          activity: { builtin: 'silero' },
        },
        pipelines: { default: { ...pipelines.default, hear: 'ears' } },
      },
      prepare: ({ path }) => writeModel(path),
      env: { PATH: `${dirname(process.execPath)}:${process.env['PATH']}` },
    });
    await using caller = await Caller.call(await gateway.url());
    await caller.lobby('ready');
    caller.send(await spoken(gateway, 'voice', 'Good morning.'));
    const transcript = await caller.event('conversation.item.input_audio_transcription.completed');
    expect(transcript).toMatchObject({ transcript: 'good morning' });
    expect(await caller.event('response.done')).toMatchObject({
      response: { status: 'completed', output: [{ content: [{ transcript: text }] }] },
    });
  });
});
