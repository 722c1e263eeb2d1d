// The embedded default: what is served when no file says otherwise. It is written as a file would be, so that it
// takes the same way through schema and checks. Imports nothing.

const embeddedConfig = {
  listen: '127.0.0.1:7460',
  engines: { voice: { builtin: 'flite' }, activity: { builtin: 'silero' } },
  pipelines: { echo: { kind: 'echo', speak: 'voice', vad: 'activity' } },
  unknownModel: 'default',
} as const;

export interface Filled {
  readonly value: unknown;
  /** The pipelines are the embedded ones: a failed check of them must say so. */
  readonly pipelinesEmbedded: boolean;
}

/**
 * Fills in what the file leaves out: `engines` and `pipelines`, each on its own. The embedded pipelines bring the
 * engines they name, unless the file has engines of these names, and answer to any model name.
 * @param beside further engines where the file has none
 */
export function fillEmbedded(value: unknown, beside: Readonly<Record<string, unknown>> = {}): Filled {
  if (!isSection(value)) return { value, pipelinesEmbedded: false };
  const pipelinesEmbedded = value['pipelines'] === undefined;
  const filled: Record<string, unknown> = { ...value };
  if (filled['engines'] === undefined) filled['engines'] = { ...embeddedConfig.engines, ...beside };
  if (pipelinesEmbedded) {
    if (isSection(filled['engines'])) filled['engines'] = { ...embeddedConfig.engines, ...filled['engines'] };
    filled['pipelines'] = embeddedConfig.pipelines;
    filled['unknownModel'] ??= embeddedConfig.unknownModel;
  }
  return { value: filled, pipelinesEmbedded };
}

function isSection(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
