// Promise: an answer is heard soon. From the end of a caller's speech to the first audio of the answer, stage by stage, over
// real engines (flite, Silero, a generated model of llama.cpp, ears that count syllables); beside the same engines asked
// one after the other, each waited for to its end.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import WebSocket from 'ws';
import { pcmToBytes } from '../src/audio/pcm.ts';
import { resample } from '../src/audio/resample.ts';
import { parseWav, writeWav } from '../src/audio/wav.ts';
import { tinyModel } from '../src/testing/gguf/tiny-model.ts';
import { freePort, median, nodeOptions, quantile, repositoryFile, shownMs } from './measure.ts';
import type { Workbench } from './workbench.ts';

const turns = Number(process.env['BENCH_TURNS'] ?? 20);
const silenceMs = 500;
const rateHz = 24_000;
const frameMs = 20;
const question = 'What time does the train to the coast leave today?';
const answer =
  'It leaves at half past nine, from platform two. The journey takes about two hours and a half. You can buy a ticket at the counter, or on the train. There is a dining car in the middle. Have a good trip!';
const targetOwnMs = 10;

/** Hears syllables, not words: real work on every sample, as it comes. */
const ears = `
export default {
  contract: 1,
  offers: ['transcribe'],
  concurrency: 2,
  load: () => ({
    async *transcribe({ pcm, rate, signal }) {
      let [syllables, level, peak, loud] = [0, 0, 1, false];
      for await (const piece of pcm) {
        if (signal.aborted) return;
        for (const sample of piece) {
          level += (Math.abs(sample) - level) * (200 / rate);
          peak = Math.max(peak, level);
          if (!loud && level > peak * 0.4) syllables += 1;
          loud = level > peak * (loud ? 0.2 : 0.4);
        }
        yield { text: 'I said ' + syllables + ' syllables', final: false };
      }
      yield { text: 'I said ' + syllables + ' syllables. What time is it?', final: true };
    },
  }),
};
`;

interface Place {
  readonly url: string;
  readonly folder: string;
}

type Stages = Readonly<Record<string, number>>;

async function gateway(bench: Workbench): Promise<Place> {
  const port = await freePort();
  const data = join(bench.folder, 'data');
  const engines = {
    ears: { worker: await bench.write('ears.mjs', ears) },
    mind: { builtin: 'llama', model: join(bench.folder, 'mind.gguf') },
    voice: { builtin: 'flite' },
    activity: { builtin: 'silero' },
  };
  await bench.write('mind.gguf', tinyModel({ behaviour: { kind: 'says', text: answer } }));
  const pipelines = { default: { kind: 'cascade', hear: 'ears', think: 'mind', speak: 'voice' } };
  await bench.start([
    ...[
      ...nodeOptions,
      repositoryFile('dist/main.js'),
      'up',
      '--listen',
      `127.0.0.1:${port}`,
      '--data',
      data,
    ],
    ...['--set', `engines=${JSON.stringify(engines)}`, '--set', `pipelines=${JSON.stringify(pipelines)}`],
    ...['--set', 'log.level=debug', '--set', 'store=none'],
  ]);
  const url = `http://127.0.0.1:${port}`;
  for (const began = performance.now(); ; await delay(50)) {
    const ready = await fetch(`${url}/readyz`).catch(() => undefined);
    if (ready?.status === 200) return { url, folder: data };
    if (performance.now() - began > 60_000) throw new Error(`the gateway at ${url} was not ready in 60 s`);
  }
}

const post = (url: string, body: object) =>
  fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

async function spoken(url: string, text: string): Promise<Int16Array> {
  const response = await post(`${url}/v1/audio/speech`, {
    model: 'voice',
    input: text,
    response_format: 'wav',
  });
  const { pcm, rateHz: ownHz } = parseWav(new Uint8Array(await response.arrayBuffer()));
  return resample(pcm, ownHz, rateHz);
}

/** Without the silence at its ends: what is measured begins where the speech ends. */
function trimmed(pcm: Int16Array): Int16Array {
  const loud = (sample: number) => Math.abs(sample) > 500;
  return pcm.slice(pcm.findIndex(loud), pcm.findLastIndex(loud) + 1);
}

class Caller {
  readonly #socket: WebSocket;
  readonly #atMs = new Map<string, number>();
  #wake: (() => void) | undefined;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data) => {
      const nowMs = performance.now();
      const { type } = JSON.parse(String(data)) as { readonly type: string };
      if (!this.#atMs.has(type)) this.#atMs.set(type, nowMs);
      this.#wake?.();
    });
  }

  static async call(url: string): Promise<Caller> {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/realtime`, ['realtime']);
    const caller = new Caller(socket);
    await caller.until('session.created');
    return caller;
  }

  async until(type: string): Promise<number> {
    for (;;) {
      const atMs = this.#atMs.get(type);
      if (atMs !== undefined) return atMs;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** One turn at the pace of speech. @returns ms from the end of the speech to the first of each type of event */
  async turn(pcm: Int16Array): Promise<Stages> {
    this.#atMs.clear();
    const beganMs = performance.now();
    const frame = (rateHz * frameMs) / 1000;
    let done: 'not yet' | 'done' = 'not yet';
    const ended = this.until('response.done').then(() => {
      done = 'done';
    });
    for (let at = 0; done === 'not yet'; at += 1) {
      const piece = new Int16Array(frame);
      piece.set(pcm.subarray(at * frame, (at + 1) * frame));
      const audio = Buffer.from(pcmToBytes(piece)).toString('base64');
      await delay(Math.max(0, beganMs + (at + 1) * frameMs - performance.now()));
      this.#socket.send(JSON.stringify({ type: 'input_audio_buffer.append', audio }));
    }
    await ended;
    const endedMs = beganMs + (pcm.length * 1000) / rateHz;
    return Object.fromEntries([...this.#atMs].map(([type, atMs]) => [type, atMs - endedMs]));
  }

  close(): void {
    this.#socket.terminate();
  }
}

/** Each engine waited for to its end, as a script would. @returns ms of each; the silence has to be waited for as well */
async function oneByOne(url: string, pcm: Int16Array): Promise<Stages> {
  const beganMs = performance.now();
  const form = new FormData();
  form.append('model', 'ears');
  form.append('file', new Blob([writeWav(pcm, rateHz).slice()]), 'speech.wav');
  const heard = (await (
    await fetch(`${url}/v1/audio/transcriptions`, { method: 'POST', body: form })
  ).json()) as {
    readonly text: string;
  };
  const heardMs = performance.now();
  const messages = [{ role: 'user', content: heard.text }];
  const thought = (await (await post(`${url}/v1/chat/completions`, { model: 'mind', messages })).json()) as {
    readonly choices: readonly [{ readonly message: { readonly content: string } }];
  };
  const thoughtMs = performance.now();
  await spoken(url, thought.choices[0].message.content);
  const spokenMs = performance.now();
  return {
    hear: heardMs - beganMs,
    think: thoughtMs - heardMs,
    speak: spokenMs - thoughtMs,
    all: spokenMs - beganMs,
  };
}

/** The gateway's own log: a line of each answer. */
async function logged({ folder }: Place): Promise<readonly Stages[]> {
  const logs = join(folder, 'logs');
  const files = await Promise.all((await readdir(logs)).map((name) => readFile(join(logs, name), 'utf8')));
  return files
    .flatMap((text) => text.split('\n'))
    .filter((line) => line.includes('speechToAudioMs'))
    .map((line) => JSON.parse(line) as Stages);
}

const stopped = 'input_audio_buffer.speech_stopped';

export async function run(bench: Workbench): Promise<void> {
  const place = await gateway(bench);
  const pcm = trimmed(await spoken(place.url, question));
  const caller = await Caller.call(place.url);
  const told: Stages[] = [];
  const slow: Stages[] = [];
  try {
    // The first turn of each warms up.
    for (let turn = 0; turn <= turns; turn += 1) {
      const events = await caller.turn(pcm);
      const apart = await oneByOne(place.url, pcm);
      if (turn === 0) continue;
      told.push(events);
      slow.push(apart);
    }
  } finally {
    caller.close();
  }
  const lines = (await logged(place)).slice(1);
  const speechMs = (pcm.length * 1000) / rateHz;
  console.log(
    `voice: ${turns} turns of ${(speechMs / 1000).toFixed(1)} s, from the end of the speech; silence that ends a turn ${silenceMs} ms`,
  );
  const row = (name: string, samples: readonly number[]) => {
    const at = (share: number) => shownMs(quantile(samples, share)).padStart(10);
    console.log(`  ${name.padEnd(44)} median${at(0.5)}  p99${at(0.99)}`);
  };
  const of = (all: readonly Stages[], name: string) => all.map((each) => each[name] ?? Number.NaN);
  row('speech stopped', of(told, stopped));
  row(
    '  of which voice activity took to be sure',
    of(told, stopped).map((ms) => ms - silenceMs),
  );
  row('transcript', of(told, 'conversation.item.input_audio_transcription.completed'));
  row('first audio', of(told, 'response.output_audio.delta'));
  row('done', of(told, 'response.done'));
  console.log('  from there on, as the gateway logs it:');
  row('  hear: turn taken to transcript', of(lines, 'hearMs'));
  row('  think: to the first token', of(lines, 'firstTokenMs'));
  row('  sentence: on to the end of the first', between(lines, 'firstTokenMs', 'firstSentenceMs'));
  row('  speak: on to its first audio', between(lines, 'firstSentenceMs', 'firstAudioMs'));
  const first = of(told, 'response.output_audio.delta');
  const silent = of(told, stopped);
  const own = first.map(
    (ms, at) => ms - (silent[at] ?? 0) - (lines[at]?.['hearMs'] ?? 0) - (lines[at]?.['firstAudioMs'] ?? 0),
  );
  row('  what is neither silence nor an engine: ours', own);
  const apart = of(slow, 'all').map((ms) => ms + silenceMs);
  row('the same engines one after the other', apart);
  for (const name of ['hear', 'think', 'speak']) row(`  ${name}, to its end`, of(slow, name));
  const ratio = median(apart) / median(first);
  const beyond = (median(apart) - silenceMs) / (median(first) - silenceMs);
  console.log(
    `  ratio: ${ratio.toFixed(1)} times sooner than one after the other, ${beyond.toFixed(1)} times without the silence  (own part, target: <= ${targetOwnMs} ms: ${shownMs(median(own))})`,
  );
}

function between(lines: readonly Stages[], from: string, to: string): number[] {
  return lines.map((line) => (line[to] ?? Number.NaN) - (line[from] ?? Number.NaN));
}
