// The search of `up` for engines of this machine: what is found is shown, and made into engines.
import { foundEngines } from '../config/found.ts';
import type { SecretRegistry } from '../config/secrets.ts';
import type { EngineConfig } from '../config/types.ts';
import { systemClock } from '../lifecycle/clock.ts';
import { currentFolder } from './current-folder.ts';
import { discover, type Finding } from './discover.ts';

export async function searchMachine(options: {
  readonly signal: AbortSignal;
  readonly secrets: SecretRegistry;
  readonly taken: readonly string[];
  readonly found: (finding: Finding) => void;
}): Promise<readonly EngineConfig[]> {
  const { signal, secrets, taken, found } = options;
  const { findings, engines } = await discover({ clock: systemClock, signal, env: process.env, taken });
  if (signal.aborted) return [];
  for (const finding of findings) found(finding);
  return foundEngines(engines, { cwd: currentFolder(), secrets });
}
