// What is told of a program's end: how it ended, why as far as that can be known, and what to do about it.
import { diagnose } from '../causes.ts';
import { isPassing } from '../passing.ts';
import type { ProcessEnd } from '../process-group.ts';
import type { EngineFailure } from '../state.ts';
import { whySpawnFailed } from './command.ts';
import type { Place } from './place.ts';

export interface EndFacts {
  readonly engine: string;
  readonly pid: number | null;
  readonly program: string;
  readonly cwd: string;
  readonly stage: 'starting' | 'ready';
  /** Whether we have asked it to end: then its end says nothing of it. */
  readonly stop: 'none' | 'asked';
  readonly choice: Place['choice'];
  /** Who has its port now, and what to do about it; undefined where nobody is seen. */
  readonly heldBy: () => Promise<string | undefined>;
  /** What has become of the file of its model since its start, as the end of a sentence; '' for nothing. */
  readonly change: string;
  /** What it wrote last, masked. */
  readonly lines: readonly string[];
}

export async function failureOf(end: ProcessEnd, facts: EndFacts): Promise<Omit<EngineFailure, 'logTail'>> {
  const { engine, pid, program, cwd, choice, heldBy, stop, change, ...said } = facts;
  if (end.state === 'unstarted') {
    const why = await whySpawnFailed(end.error, { program, cwd });
    const message = `engine ${engine}: cannot start ${program}: ${why}`;
    const kind = isPassing(end.error) ? 'passing' : 'lasting';
    return { code: 'engine_program_missing', message, kind };
  }
  const { how, code, signal } = end;
  const base = `engine ${engine} (pid ${pid}) ${how}`;
  const found = stop === 'asked' ? undefined : diagnose({ code, signal, ...said });
  if (!found) return { code: 'engine_exited', message: `${base}${change}`, kind: 'passing' };
  const { cause, what, next, kind } = found;
  // What is known of the file says more than what a crash may mean.
  if (cause === 'crash' && change !== '')
    return { code: 'engine_exited', message: `${base}${change}`, kind, cause: 'model_changed' };
  if (cause !== 'port_in_use')
    return { code: 'engine_exited', message: `${base}: ${what}; ${next}${change}`, kind, cause };
  // It was free when we looked: somebody was faster. Of one that we chose another is tried, whoever that was.
  const chosen = choice === 'chosen';
  const held = chosen ? undefined : await heldBy();
  const message = `${base}: ${what}${held === undefined ? `; ${next}` : `: ${held}`}`;
  return { code: 'engine_port_taken', message, kind: chosen ? kind : 'lasting', cause };
}
