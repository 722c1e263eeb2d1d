// What a gateway says of itself (`/v1/health`), read from whoever answered: it may be of another version, or no gateway.
import type { EngineStatus } from '../engines/status.ts';

/** As much of an engine as is shown. */
export type EngineShown = Pick<
  EngineStatus,
  | 'name'
  | 'kind'
  | 'rung'
  | 'progress'
  | 'text'
  | 'elapsedMs'
  | 'expectedMs'
  | 'etaMs'
  | 'attempt'
  | 'pid'
  | 'port'
  | 'activeCalls'
> & {
  readonly state: string;
  readonly failure: Omit<NonNullable<EngineStatus['failure']>, 'cause'> | null;
};

export interface GatewayHealth {
  readonly status: string;
  readonly version: string;
  readonly pid: number;
  readonly uptimeMs: number;
  readonly sessions: { readonly open: number; readonly max: number };
  readonly engines: readonly EngineShown[];
}

type Fields = Readonly<Record<string, unknown>>;

/** Undefined when it is none. */
export function healthIn(text: string): GatewayHealth | undefined {
  const body = fields(parsed(text));
  const { status, version, pid, uptime_ms: uptimeMs, engines } = body;
  if (typeof status !== 'string' || typeof version !== 'string' || typeof pid !== 'number') return undefined;
  const sessions = fields(body['sessions']);
  return {
    status,
    version,
    pid,
    uptimeMs: number(uptimeMs) ?? 0,
    sessions: { open: number(sessions['open']) ?? 0, max: number(sessions['max']) ?? 0 },
    engines: Array.isArray(engines) ? engines.flatMap(engineIn) : [],
  };
}

function engineIn(value: unknown): readonly EngineShown[] {
  const { name, state, kind, rung, progress, text, attempt, pid, port, failure, ...times } = fields(value);
  if (typeof name !== 'string' || typeof state !== 'string') return [];
  const { code, message, logTail } = fields(failure);
  return [
    {
      name,
      state,
      kind: word(kind) ?? 'unknown',
      rung: word(rung) as EngineShown['rung'],
      progress: number(progress),
      text: word(text),
      elapsedMs: number(times['elapsedMs']) ?? 0,
      expectedMs: number(times['expectedMs']),
      etaMs: number(times['etaMs']),
      attempt: number(attempt) ?? 1,
      pid: number(pid),
      port: number(port),
      activeCalls: number(times['activeCalls']) ?? 0,
      failure:
        typeof message === 'string'
          ? { code: String(code), message, logTail: Array.isArray(logTail) ? logTail.map(String) : [] }
          : null,
    },
  ];
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return undefined;
    throw thrown;
  }
}

const fields = (value: unknown): Fields =>
  typeof value === 'object' && value !== null ? (value as Fields) : {};
const word = (value: unknown): string | null => (typeof value === 'string' ? value : null);
const number = (value: unknown): number | null => (typeof value === 'number' ? value : null);
