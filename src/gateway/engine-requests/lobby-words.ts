// What a request that waits is told: comments in its stream while it waits, and the reason with all that is known when
// it has waited in vain. Pure.
import type { EngineStatus } from '../../engines/status.ts';
import type { ErrorCode } from '../../lifecycle/codes.ts';
import { GreenroomError } from '../../lifecycle/errors.ts';

export interface Waiting {
  readonly engine: Pick<
    EngineStatus,
    'name' | 'state' | 'rung' | 'progress' | 'elapsedMs' | 'etaMs' | 'failure'
  >;
  /** From 1 among the requests that wait for this engine. */
  readonly position: number;
  readonly waitedMs: number;
}

/** To come again by, where nothing is known of how long it takes. */
const retryMsDefault = 5000;

/** `: greenroom engine=llm state=starting rung=loaded pct=42 eta=8s position=3`, as a comment of an event stream. */
export function lobbyComment({ engine, position }: Waiting): string {
  const { name, state, rung, progress, etaMs } = engine;
  const facts = {
    ...{ engine: name, state, rung },
    pct: progress === null ? null : Math.floor(progress * 100),
    eta: etaMs === null ? null : `${Math.ceil(etaMs / 1000)}s`,
    position,
  };
  const words = Object.entries(facts).flatMap(([word, value]) =>
    value === null ? [] : [`${word}=${value}`],
  );
  return `: greenroom ${words.join(' ')}\n\n`;
}

/** Why it waited in vain, with the state of its engine. */
export function waitedInVain(error: GreenroomError, { engine, position, waitedMs }: Waiting): GreenroomError {
  const { name, state, rung, elapsedMs, etaMs, failure } = engine;
  const said = error.details['logTail'] as readonly string[] | undefined;
  const logTail = said?.length ? said : (failure?.logTail ?? []);
  const details = {
    ...{ engine: name, state, rung, elapsedMs, position, waitedMs: Math.round(waitedMs), logTail },
    retryAfterMs: retryAfterMs(error.code, state, etaMs),
  };
  return new GreenroomError(error.code, error.message, {
    details: { ...error.details, ...details },
    cause: error,
  });
}

/** Null: to come again is of no use, until somebody has seen to it. */
function retryAfterMs(code: ErrorCode, state: EngineStatus['state'], etaMs: number | null): number | null {
  if (code === 'engine_call_unsupported') return null;
  if (state === 'failed' || state === 'stopped') return null;
  return etaMs === null ? retryMsDefault : Math.max(1000, etaMs);
}
