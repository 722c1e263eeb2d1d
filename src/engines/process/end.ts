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
  /** What it wrote last, masked. */
  readonly lines: readonly string[];
}

export async function failureOf(end: ProcessEnd, facts: EndFacts): Promise<Omit<EngineFailure, 'logTail'>> {
  const { engine, pid, program, cwd, choice, stop, ...said } = facts;
  if (end.state === 'unstarted') {
    const why = await whySpawnFailed(end.error, { program, cwd });
    const message = `engine ${engine}: cannot start ${program}: ${why}`;
    const kind = isPassing(end.error) ? 'passing' : 'lasting';
    return { code: 'engine_program_missing', message, kind };
  }
  const { how, code, signal } = end;
  const base = `engine ${engine} (pid ${pid}) ${how}`;
  const found = stop === 'asked' ? undefined : diagnose({ code, signal, ...said });
  if (!found) return { code: 'engine_exited', message: base, kind: 'passing' };
  const { cause, what, next, kind } = found;
  const message = `${base}: ${what}; ${next}`;
  if (cause !== 'port_in_use') return { code: 'engine_exited', message, kind, cause };
  return { code: 'engine_port_taken', message, kind: choice === 'fixed' ? 'lasting' : kind, cause };
}
