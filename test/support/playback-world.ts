// Recordings in a folder, and sessions in virtual time to play them back into. Reading files takes real time: what waits
// for them is looked for again and again.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Decoders, noDecoders } from '../../src/audio/decoding/decoders.ts';
import { pcmToBase64 } from '../../src/audio/pcm.ts';
import { writeWav } from '../../src/audio/wav.ts';
import { GreenroomError } from '../../src/lifecycle/errors.ts';
import { PlaybackDesk, type PlaybackRequest } from '../../src/playback/desk.ts';
import type { TakeFacts } from '../../src/recordings/facts.ts';
import { trackOf, webmTrack } from '../../src/recordings/track.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { FakePipeline } from './fake-pipeline.ts';
import type { TestFolder } from './folder.ts';
import { MemoryTransport } from './memory-transport.ts';
import { SessionWorld } from './session-world.ts';

export interface TakeGiven {
  readonly samples?: number;
  /** In place of a sound one; null: none. */
  readonly wav?: Uint8Array | null;
  /** In place of it: a whole stream of so many samples at 48 kHz. */
  readonly webm?: { readonly bytes: Uint8Array; readonly samples: number };
  /** In place of those of two turns; null: there is no file. */
  readonly events?: readonly object[] | null;
  readonly state?: TakeFacts['state'];
}

/** Two turns that voice activity has found, at 0.5 to 1 s and 2 to 2.5 s. */
export const twoTurns: readonly object[] = [
  { ms: 0, from: 'gateway', event: { type: 'session.created', session: {} } },
  ...[500, 2000].flatMap((startMs, turn) => {
    const item_id = `item_${turn}`;
    const input = 'input_audio_buffer.';
    return [
      {
        ms: startMs,
        from: 'gateway',
        event: { type: `${input}speech_started`, audio_start_ms: startMs, item_id },
      },
      {
        ms: startMs + 1000,
        from: 'gateway',
        event: { type: `${input}speech_stopped`, audio_end_ms: startMs + 500, item_id },
      },
      { ms: startMs + 1000, from: 'gateway', event: { type: `${input}committed`, item_id } },
    ];
  }),
];

export class PlaybackWorld {
  readonly sessions = new SessionWorld();
  readonly pipeline: FakePipeline;
  readonly desk: PlaybackDesk;
  readonly #folder: TestFolder;
  readonly #takes = new Map<string, TakeFacts>();

  constructor(
    folder: TestFolder,
    pipeline = new FakePipeline(undefined, 'ready'),
    decoders: Pick<Decoders, 'open'> = noDecoders,
  ) {
    this.#folder = folder;
    this.pipeline = pipeline;
    let ids = 0;
    this.desk = new PlaybackDesk({
      recordings: {
        root: folder.path,
        decoders,
        find: async (session, take) => {
          const found = this.#takes.get(`${session}/${take}`);
          if (found) return found;
          throw new GreenroomError('not_found', `no recording ${session}/${take}`);
        },
      },
      sessions: this.sessions.registry,
      resolve: () => pipeline,
      enter: () => () => undefined,
      newId: (prefix) => `${prefix}_p${++ids}`,
      log: silentLog,
    });
  }

  /** Returns the id of a recording of 3 s. */
  async take({ samples = 72_000, wav, webm, events = twoTurns, state = 'finished' }: TakeGiven = {}) {
    const take = this.#takes.size + 1;
    const id = `rec/${take}`;
    const bytes = wav === undefined ? writeWav(new Int16Array(samples).fill(1000), 24_000) : wav;
    const path = join('rec', String(take));
    if (webm) await this.#folder.write(join(path, 'raw_stream.webm'), webm.bytes);
    else if (bytes) await this.#folder.write(join(path, 'raw_stream.wav'), bytes);
    const lines = events?.map((event) => `${JSON.stringify(event)}\n`).join('');
    if (lines !== undefined) await this.#folder.write(join(path, 'events.jsonl'), lines);
    this.#takes.set(id, {
      ...{ id, session: 'rec', take, pipeline: 'fake', state, reason: null, error: null },
      ...{ startedAtMs: 0, endedAtMs: 3000, events: 0, bytes: 0, version: '0.1.0' },
      ...{ source: 'session', callerMore: [] },
      caller: webm ? webmTrack('raw_stream.webm', webm.samples) : trackOf('caller', 44 + samples * 2, []),
      assistant: trackOf('assistant', 44, []),
    });
    return id;
  }

  async call(notices = true): Promise<{ transport: MemoryTransport; session: string }> {
    const transport = new MemoryTransport();
    const session = await this.sessions.registry.open({ transport, pipeline: this.pipeline, notices });
    return { transport, session: String(session) };
  }

  start(recordingId: string, more: Partial<PlaybackRequest> = {}) {
    return this.desk.start({
      ...{ recordingId, mode: 'full', speed: 0, sessionId: undefined, model: undefined },
      ...more,
    });
  }

  /** Lets files be read and time pass until it is so. */
  async until(check: () => unknown, what: string, stepMs = 100): Promise<void> {
    const deadline = performance.now() + 20_000;
    while (!check()) {
      if (performance.now() > deadline) throw new Error(`${what}: not within 20 s`);
      await this.read();
      await this.sessions.clock.advance(stepMs);
    }
  }

  /** Lets go on who reads a file, or closes one: time that is virtual does not wait for that. */
  async read(): Promise<void> {
    for (let times = 0; times < 4; times += 1) await stat(this.#folder.path);
  }

  /** The playback has ended. */
  async ended(id: string, stepMs = 100): Promise<string> {
    await this.until(() => this.desk.list().every((one) => one.id !== id), `the end of ${id}`, stepMs);
    return this.desk.find(id).state;
  }

  /** Every caller has gone, and nothing is left of anything. */
  async expectNothingLeft(...transports: readonly MemoryTransport[]): Promise<void> {
    for (const transport of transports) transport.gone();
    const open = () => this.sessions.root.tree().children?.flatMap(({ children = [] }) => children) ?? [];
    await this.until(() => open().length === 0, 'the sessions to end', 1);
    await this.sessions.clock.advance(200_000);
    this.sessions.expectNothingLeft(this.pipeline);
    if (this.desk.list().length > 0) throw new Error('a playback is under way still');
  }
}

export const append = (samples: number) => ({
  type: 'input_audio_buffer.append',
  audio: pcmToBase64(new Int16Array(samples).fill(1000)),
});

/** The states of its notices. */
export const told = (transport: MemoryTransport): readonly unknown[] =>
  transport.all('greenroom.playback').map(({ state }) => state);
