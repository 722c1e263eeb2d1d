// greenroom's own life as events, for administrators: engines, pipelines, sessions, their tasks and recordings, the gateway. Never what was said.

import type { EngineChange } from '../../engines/supervisor.ts';
import type { Hub, SlowFact } from '../../hub/hub.ts';
import type { Subscriber } from '../../hub/subscriber.ts';
import type { GenerationChange } from '../../pipelines/pipeline-line.ts';
import type { RecordingChange } from '../../recordings/recordings.ts';
import type { SessionChange } from '../../sessions/registry-options.ts';
import type { TaskFacts } from '../../tasks/task-facts.ts';
import type { Stall } from '../../telemetry/loop-monitor.ts';

export type GatewayWord = 'open' | 'ready' | 'failed' | 'leaving' | 'stage' | 'stall' | 'watcher';

export class OwnEvents {
  readonly #hub: Hub;
  readonly #mask: (text: string) => string;

  /** @param mask applied to whatever goes out */
  constructor(hub: Hub, mask: (text: string) => string) {
    this.#hub = hub;
    this.#mask = mask;
  }

  engine({ status, before }: EngineChange): void {
    this.#publish(`greenroom.engine.${status.name}`, status.name, { ...status, before });
  }

  session({ id, type, pipeline, reason }: SessionChange): void {
    this.#publish(`greenroom.session.${type}`, id, { id, pipeline, reason });
  }

  /** Not its result, which is of what was said. */
  task({ id, name, session, trigger, state, progress, error }: TaskFacts): void {
    const facts = {
      id,
      name,
      session,
      trigger,
      state,
      ms: progress?.elapsedMs ?? null,
      code: error?.code ?? null,
    };
    this.#publish(`greenroom.task.${state}`, id, facts);
  }

  recording({ type, take }: RecordingChange): void {
    const { id, session, pipeline, reason, error, bytes, caller, assistant } = take;
    const durations = { callerMs: caller.durationMs, assistantMs: assistant.durationMs };
    const facts = { id, session, pipeline, reason, code: error?.code ?? null, bytes, ...durations };
    this.#publish(`greenroom.recording.${type}`, id, facts);
  }

  /** A generation of a pipeline has another state. */
  pipeline({ pipeline, kind, generation, state, sessions, failure }: GenerationChange): void {
    const why = { code: failure?.code ?? null, message: failure?.message ?? null };
    this.#publish(`greenroom.pipeline.${state}`, pipeline, { pipeline, kind, generation, sessions, ...why });
  }

  watcher({ client, transport: { remote } }: Subscriber, facts: SlowFact): void {
    this.gateway('watcher', { client, remote, ...facts }, client);
  }

  stall(stall: Stall): void {
    this.gateway('stall', { ...stall });
  }

  gateway(word: GatewayWord, facts: Readonly<Record<string, unknown>>, key: string | null = null): void {
    this.#publish(`greenroom.gateway.${word}`, key, facts);
  }

  #publish(topic: string, key: string | null, facts: unknown): void {
    if (this.#hub.state !== 'open') return;
    this.#hub.publish({ topic, key, data: Buffer.from(this.#mask(JSON.stringify(facts))) });
  }
}
