// How often sessions and engines came into a state, for Prometheus: counted from what they announce, so that what came
// and went between two scrapes is there too. Labels are engines and pipelines of the configuration, and words of closed sets.
import type { EngineChange } from '../engines/supervisor.ts';
import type { CloseReason } from '../lifecycle/reasons.ts';
import type { SessionChange } from '../sessions/registry-options.ts';
import { Histograms } from '../telemetry/histograms.ts';
import type { MetricFacts } from './metrics.ts';

export class LifeCounts {
  readonly #opened = new Counts<'pipeline'>();
  readonly #closed = new Counts<'pipeline' | 'reason'>();
  readonly #failures = new Counts<'engine' | 'code'>();
  readonly #loads = new Histograms<string>();

  session({ type, pipeline, reason }: SessionChange): void {
    if (type === 'opened') this.#opened.add({ pipeline });
    else this.#closed.add({ pipeline, reason: reason ?? ('done' satisfies CloseReason) });
  }

  engine({ status, before }: EngineChange): void {
    const { name: engine, state, elapsedMs, failure } = status;
    if (state === before) return;
    if (state === 'ready' && before === 'starting') this.#loads.add(engine, elapsedMs);
    if ((state === 'backoff' || state === 'failed') && failure)
      this.#failures.add({ engine, code: failure.code });
  }

  metrics(): readonly MetricFacts[] {
    return [
      {
        ...{ name: 'greenroom_sessions_opened_total', type: 'counter', labelNames: ['pipeline'] },
        help: 'Sessions that were opened.',
        samples: () => this.#opened.list(),
      },
      {
        ...{ name: 'greenroom_sessions_closed_total', type: 'counter', labelNames: ['pipeline', 'reason'] },
        help: 'Sessions that have ended, by why.',
        samples: () => this.#closed.list(),
      },
      {
        ...{ name: 'greenroom_engine_failures_total', type: 'counter', labelNames: ['engine', 'code'] },
        help: 'Runs of an engine that failed, by error code.',
        samples: () => this.#failures.list(),
      },
      {
        ...{ name: 'greenroom_engine_load_seconds', type: 'histogram', labelNames: ['engine'] },
        help: 'From the start of an engine until it was ready.',
        histograms: () =>
          this.#loads.list().map(([engine, histogram]) => ({ labels: { engine }, histogram })),
      },
    ];
  }
}

class Counts<Label extends string> {
  readonly #counts = new Map<string, { readonly labels: Readonly<Record<Label, string>>; value: number }>();

  add(labels: Readonly<Record<Label, string>>): void {
    const key = JSON.stringify(labels);
    const count = this.#counts.get(key) ?? { labels, value: 0 };
    count.value += 1;
    this.#counts.set(key, count);
  }

  list(): readonly { readonly labels: Readonly<Record<Label, string>>; readonly value: number }[] {
    return [...this.#counts.values()];
  }
}
