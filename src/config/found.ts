// Engines that were found rather than configured: read as those of a file are.
import { normaliseEngine } from './normalise-engines.ts';
import { enginesSchema } from './schema-engines.ts';
import { Secret, type SecretRegistry } from './secrets.ts';
import type { EngineConfig } from './types.ts';

/** Throws on what the schema does not have: they are of our own making. */
export function foundEngines(
  raw: Readonly<Record<string, unknown>>,
  { cwd, secrets }: { readonly cwd: string; readonly secrets: SecretRegistry },
): readonly EngineConfig[] {
  const engines = Object.entries(enginesSchema.parse(raw) ?? {});
  const secret = (written: string) => secrets.add(new Secret(written, 'what was found'));
  return engines.map(([name, engine]) =>
    normaliseEngine(name, engine, { pipelines: {}, folderOf: () => cwd, secret }),
  );
}
