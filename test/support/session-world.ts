// A registry of sessions in virtual time, and the check that nothing of them is left.
import { expect } from 'vitest';
import { Scope } from '../../src/lifecycle/scope.ts';
import { noRecords, type SessionRecords } from '../../src/sessions/records.ts';
import { SessionRegistry } from '../../src/sessions/registry.ts';
import type { RegistryOptions } from '../../src/sessions/registry-options.ts';
import type { Store } from '../../src/store/store.ts';
import { TaskDesk } from '../../src/tasks/task-desk.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import type { FakePipeline } from './fake-pipeline.ts';

export interface SessionWorldOptions {
  readonly sessionsMax?: number;
  readonly decoders?: RegistryOptions['decoders'];
  readonly openTape?: RegistryOptions['openTape'];
  readonly queueBytesMax?: number;
  readonly earlyAudioBytesMax?: number;
  readonly records?: (clock: VirtualClock) => SessionRecords;
  /** Of its tasks. */
  readonly store?: Pick<Store, 'write' | 'flush' | 'sessionTasks'>;
}

export class SessionWorld {
  readonly clock = new VirtualClock();
  readonly faults: unknown[] = [];
  readonly root = new Scope('root', {
    clock: this.clock,
    kind: 'process',
    onTaskFailure: ({ error }) => this.faults.push(error),
  });
  readonly registry: SessionRegistry;
  #ids = 0;

  constructor({
    sessionsMax = 100,
    queueBytesMax = 8 * 1024 * 1024,
    earlyAudioBytesMax = 64 * 1024 * 1024,
    records = () => noRecords,
    store,
    decoders,
    openTape,
  }: SessionWorldOptions = {}) {
    this.registry = new SessionRegistry({
      scope: this.root.child('sessions', { kind: 'sessions', order: 'parallel' }),
      log: {
        ...silentLog,
        error: (facts) => this.faults.push(facts),
        warn: (facts) => this.faults.push(facts),
      },
      limits: {
        lobbyWaitMs: 60_000,
        earlyAudio: { ageMs: 30_000, bytesMax: 4 * 1024 * 1024 },
        keepaliveMs: 15_000,
        queueBytesMax,
        resumeMs: 30_000,
      },
      sessionsMax,
      ...(decoders && { decoders }),
      ...(openTape && { openTape }),
      earlyAudioBytesMax,
      records: records(this.clock),
      tasks: new TaskDesk({ log: silentLog, store }),
      newId: (prefix) => `${prefix}_${++this.#ids}`,
      random: () => 0.5,
    });
  }

  /** Once every caller has gone and time has passed: back to the baseline. */
  expectNothingLeft(pipeline: FakePipeline): void {
    const { opened, closed, answersBegun, answersEnded, vadOpened, vadClosed } = pipeline.ledger;
    expect(pipeline.ledger.hearingEnded).toBe(pipeline.ledger.hearingBegun);
    expect({ closed, answersEnded, vadClosed }).toEqual({
      closed: opened,
      answersEnded: answersBegun,
      vadClosed: vadOpened,
    });
    expect(pipeline.listeners.size).toBe(0);
    expect(this.registry.count).toBe(0);
    const sessions = this.root.tree().children?.find(({ name }) => name === 'sessions');
    expect(sessions?.children ?? []).toEqual([]);
    expect(this.clock.pending).toBe(0);
    expect(this.faults).toEqual([]);
  }
}
