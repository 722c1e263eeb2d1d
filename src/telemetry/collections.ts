// How long garbage collections held the loop, by kind. Whoever starts it stops it.
import { constants, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { Histograms } from './histograms.ts';

type CollectionKind = 'minor' | 'major' | 'incremental' | 'weakcb' | 'other';

const kinds: Readonly<Record<number, CollectionKind>> = {
  [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor',
  [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major',
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental',
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: 'weakcb',
};

export class Collections {
  readonly times = new Histograms<CollectionKind>(['minor', 'major', 'incremental', 'weakcb']);
  readonly #observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) this.times.add(kindOf(entry), entry.duration);
  });

  start(): void {
    this.#observer.observe({ entryTypes: ['gc'] });
  }

  /** Idempotent. */
  stop(): void {
    this.#observer.disconnect();
  }
}

function kindOf(entry: PerformanceEntry & { readonly detail?: unknown }): CollectionKind {
  const { kind } = (entry.detail ?? {}) as { readonly kind?: number };
  return kinds[kind ?? -1] ?? 'other';
}
