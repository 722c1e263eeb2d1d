// What callers wait for, stage by stage, for Prometheus.
import type { Pipeline } from '../pipelines/pipeline.ts';
import type { MetricFacts } from './metrics.ts';

export function voiceMetrics(
  pipelines: () => readonly Pick<Pipeline, 'name' | 'stages'>[],
): readonly MetricFacts[] {
  return [
    {
      ...{ name: 'greenroom_voice_stage_seconds', type: 'histogram', labelNames: ['pipeline', 'stage'] },
      help: 'Of answers: silence, hear, think, sentence, speak one after the other; first_audio from the end of the speech; answer as a whole.',
      histograms: () =>
        pipelines().flatMap(({ name: pipeline, stages }) =>
          (stages?.list() ?? []).map(([stage, histogram]) => ({ labels: { pipeline, stage }, histogram })),
        ),
    },
  ];
}
