// Background work of sessions, for Prometheus.
import type { TaskMeasures } from '../tasks/task-desk.ts';
import type { MetricFacts } from './metrics.ts';

export function taskMetrics(measures: () => TaskMeasures): readonly MetricFacts[] {
  return [
    {
      ...{ name: 'greenroom_tasks_total', type: 'counter', labelNames: ['state'] },
      help: 'Times that a task came into a state.',
      samples: () => [...measures().counts].map(([state, value]) => ({ labels: { state }, value })),
    },
    {
      ...{ name: 'greenroom_task_duration_seconds', type: 'histogram', labelNames: ['state'] },
      help: 'How long tasks took from their trigger, by how they ended.',
      histograms: () =>
        [...measures().durations].map(([state, histogram]) => ({ labels: { state }, histogram })),
    },
  ];
}
