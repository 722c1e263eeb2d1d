// A cascade of scripted engines, and callers who talk to it: in virtual time, with the check that nothing is left.
import { expect } from 'vitest';
import { bytesToBase64, pcmToBytes } from '../../src/audio/pcm.ts';
import type { Engine } from '../../src/engines/engine.ts';
import { systemClock, turn } from '../../src/lifecycle/clock.ts';
import { type CascadeOptions, CascadePipeline } from '../../src/pipelines/cascade.ts';
import { storedRecords } from '../../src/sessions/records.ts';
import type { TaskPlan } from '../../src/tasks/plan.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { MemoryStore } from './memory-store.ts';
import { MemoryTransport } from './memory-transport.ts';
import { heard, ScriptedEngine, type Step, sound, stop, word } from './scripted-engine.ts';
import { SessionWorld } from './session-world.ts';

export interface Scripts {
  readonly hear?: readonly (readonly Step[])[] | null;
  readonly think?: readonly (readonly Step[])[];
  readonly speak?: readonly (readonly Step[])[] | null;
  /** What the pipeline is otherwise. */
  readonly pipeline?: Partial<CascadeOptions>;
  /** Made of the engine that thinks of nothing else. */
  readonly tasks?: (assessor: Engine) => readonly TaskPlan[];
  readonly assess?: readonly (readonly Step[])[];
  readonly notices?: boolean;
  readonly store?: MemoryStore;
}

export class CascadeWorld {
  readonly store: MemoryStore;
  readonly sessions: SessionWorld;
  readonly assessor: ScriptedEngine;
  readonly logged: object[] = [];
  readonly warned: object[] = [];
  readonly hear: ScriptedEngine;
  readonly think: ScriptedEngine;
  readonly speak: ScriptedEngine;
  readonly activity: ScriptedEngine;
  readonly pipeline: CascadePipeline;
  readonly #notices: boolean;

  constructor({
    hear = [[20, heard('Hello.')]],
    think = [[30, word('Good day. '), 30, word('How are you?'), stop]],
    speak = [[10, sound(500)]],
    pipeline,
    tasks = () => [],
    assess = [],
    notices = false,
    store = new MemoryStore(),
  }: Scripts = {}) {
    this.store = store;
    this.sessions = new SessionWorld({ store, records: (clock) => storedRecords(store, clock) });
    this.#notices = notices;
    const { root } = this.sessions;
    this.assessor = new ScriptedEngine('assessor', root, ...assess);
    this.hear = new ScriptedEngine('ears', root, ...(hear ?? []));
    this.think = new ScriptedEngine('mind', root, ...think);
    this.speak = new ScriptedEngine('voice', root, ...(speak ?? []));
    this.activity = new ScriptedEngine('activity', root);
    const ears = hear && { hear: this.hear.engine, vad: this.activity.engine };
    const voice = speak && this.speak.engine;
    this.pipeline = new CascadePipeline({
      ...{ name: 'default', voice: undefined, instructions: 'Be brief.', language: undefined },
      ears: ears ?? undefined,
      think: this.think.engine,
      speak: voice ?? undefined,
      needs: [...(ears ? [ears.hear, ears.vad] : []), this.think.engine, ...(voice ? [voice] : [])],
      tasks: tasks(this.assessor.engine),
      log: {
        ...silentLog,
        debug: (facts) => this.logged.push(facts),
        warn: (facts) => this.warned.push(facts),
      },
      ...pipeline,
    });
  }

  get engines(): readonly ScriptedEngine[] {
    return [this.hear, this.think, this.speak];
  }

  /** What engines have under way, as they see it and as their lobbies do. */
  get underWay() {
    return this.engines.map(({ engine, running }) => Math.max(running, engine.lobby.leases));
  }

  advance(ms: number): Promise<void> {
    return this.sessions.clock.advance(ms);
  }

  async call(notices = this.#notices): Promise<CascadeCaller> {
    const transport = new MemoryTransport();
    await turn(systemClock);
    await this.sessions.registry.open({ transport, pipeline: this.pipeline, notices });
    await turn(systemClock);
    return new CascadeCaller(transport);
  }

  async end(...callers: readonly CascadeCaller[]): Promise<void> {
    for (const { transport } of callers) transport.gone();
    await this.advance(3000);
    expect(this.sessions.registry.count).toBe(0);
    expect(this.underWay).toEqual([0, 0, 0]);
    expect(this.engines.flatMap(({ engine }) => engine.lobby.waiting)).toEqual([0, 0, 0]);
    expect([this.assessor.running, this.assessor.engine.lobby.leases]).toEqual([0, 0]);
    const closed = this.sessions.root.close('done', { graceMs: 100 });
    await this.advance(1000);
    await closed;
    await this.advance(0);
    expect(this.sessions.clock.pending).toBe(0);
  }
}

export class CascadeCaller {
  readonly transport: MemoryTransport;

  constructor(transport: MemoryTransport) {
    this.transport = transport;
  }

  /** Appends so much audio; speech, or silence. */
  async sounds(ms: number, value: number): Promise<void> {
    const pcm = new Int16Array((ms * 24_000) / 1000).fill(value);
    this.transport.says({ type: 'input_audio_buffer.append', audio: bytesToBase64(pcmToBytes(pcm)) });
    await turn(systemClock);
    await turn(systemClock);
  }

  /** A turn: it is over when this is. */
  async speaks(ms = 600): Promise<void> {
    await this.sounds(ms, 1000);
    await this.sounds(800, 0);
  }

  types(): string[] {
    return this.transport.sent.map(({ type }) => type);
  }

  /** Each answer: how it ended, why, what it said, and how much of it was heard in ms. */
  answers() {
    return this.transport.all('response.done').map((event) => {
      const {
        id,
        status,
        status_details: details,
        output,
      } = event['response'] as {
        readonly id: string;
        readonly status: string;
        readonly status_details: {
          readonly reason?: string;
          readonly error?: { readonly code: string };
        } | null;
        readonly output: readonly { readonly content?: readonly { transcript?: string; text?: string }[] }[];
      };
      const deltas = this.transport
        .all('response.output_audio.delta')
        .filter((delta) => delta['response_id'] === id);
      const bytes = deltas.reduce(
        (sum, delta) => sum + Buffer.from(String(delta['delta']), 'base64').length,
        0,
      );
      return {
        status,
        why: details?.error?.code ?? details?.reason ?? null,
        said: output.flatMap(({ content = [] }) => content.map((part) => part.transcript ?? part.text)),
        ms: bytes / 48,
      };
    });
  }

  transcripts(): readonly string[] {
    return this.transport
      .all('conversation.item.input_audio_transcription.completed')
      .map((event) => String(event['transcript']));
  }
}
