// `greenroom wait`: asks again until a gateway is ready, one of its engines has failed for good, or time is up. Every
// question belongs to one scope, which is closed when there is an answer.
import { type Clock, delay, systemClock } from '../lifecycle/clock.ts';
import { factsOf } from '../lifecycle/codes.ts';
import { Deadline } from '../lifecycle/deadline.ts';
import { Scope } from '../lifecycle/scope.ts';
import { type Asked, ask, gatewayUrl } from './ask.ts';
import type { CommandIo } from './io.ts';
import { seconds } from './screen.ts';
import { findGateway, type GatewayOptions, startHint } from './talk-address.ts';

export interface WaitOptions extends GatewayOptions {
  /** Default 60,000. */
  readonly timeoutMs?: number | undefined;
  readonly json?: boolean | undefined;
}

/** Of an engine's status as `/readyz` shows it; with tokens configured it shows no more than the state and the rung. */
interface MissingEngine {
  readonly name: string;
  readonly state: string;
  readonly rung: string | null;
  readonly failure: {
    readonly code: string;
    readonly message: string;
    readonly logTail: readonly string[];
  } | null;
}

type Seen =
  | { readonly state: 'ready'; readonly url: string }
  | { readonly state: 'not_ready'; readonly why: string; readonly missing: readonly MissingEngine[] };

const timeoutMsDefault = 60_000;
const pause = { firstMs: 50, maxMs: 500, factor: 1.5 };
/** One question; a gateway that takes longer is asked again. The last one is given a moment too. */
const askMs = { min: 250, max: 5000 };
/** A gateway that is started beside us has made its data directory by then: before that, no other one is taken for it. */
const guessAfterMs = 2000;

/** Returns 0 when it is ready, 69 when it is not and will not be, or not in time. */
export async function wait(options: WaitOptions, io: CommandIo, clock: Clock = systemClock): Promise<number> {
  const { timeoutMs = timeoutMsDefault } = options;
  const beganMs = clock.now();
  const scope = new Scope('wait', { clock, kind: 'command' });
  const time = new Deadline(clock, timeoutMs);
  scope.defer('deadline', () => time.dispose());
  const interrupt = () => void scope.close('done');
  io.signal.addEventListener('abort', interrupt, { once: true });
  if (io.signal.aborted) interrupt();
  const tell = (seen: Seen, ending: 'ready' | 'failed' | 'late' | 'interrupted') =>
    report({ seen, ending, ms: Math.round(clock.now() - beganMs) }, options, io);
  try {
    for (let pauseMs = pause.firstMs; ; pauseMs = Math.min(pauseMs * pause.factor, pause.maxMs)) {
      const state = time.expired ? 'last' : 'early';
      const guess = state === 'last' || clock.now() - beganMs >= guessAfterMs ? 'allowed' : 'early';
      const seen = await look({ options, guess }, io, scope, time);
      if (seen.state === 'ready') return tell(seen, 'ready');
      if (seen.missing.some((engine) => engine.state === 'failed')) return tell(seen, 'failed');
      if (scope.state !== 'open') return tell(seen, 'interrupted');
      if (state === 'last') return tell(seen, 'late');
      await delay(clock, Math.min(pauseMs, time.remainingMs()), scope.signal);
    }
  } finally {
    io.signal.removeEventListener('abort', interrupt);
    await scope.close('done');
  }
}

async function look(
  { options, guess }: { readonly options: GatewayOptions; readonly guess: 'allowed' | 'early' },
  io: CommandIo,
  scope: Scope,
  time: Deadline,
): Promise<Seen> {
  const found = await findGateway(options, io);
  if (found.state === 'none' || (found.state === 'guessed' && guess === 'early'))
    return notReady(`${found.why}; ${startHint}`);
  const url = gatewayUrl(found.url, '/readyz');
  if (scope.state !== 'open') return notReady('interrupted');
  const limitMs = Math.min(askMs.max, Math.max(askMs.min, time.remainingMs()));
  const asked = await ask({ url }, scope, limitMs);
  if (found.state === 'guessed' && asked.state === 'silent')
    return notReady(`${found.why}, and ${asked.why}; ${startHint}`);
  return asked.state === 'answered' ? readiness(url, asked) : notReady(asked.why);
}

function readiness(url: URL, { status, text }: Extract<Asked, { state: 'answered' }>): Seen {
  if (status === 200) return { state: 'ready', url: url.origin };
  const error = errorIn(text);
  if (!error) return notReady(`${url.href} answers HTTP ${status}, which no gateway does`);
  const { message, details } = error;
  const missing = Array.isArray(details?.missing) ? details.missing.flatMap(engineIn) : [];
  return { state: 'not_ready', why: typeof message === 'string' ? message : 'not ready', missing };
}

function errorIn(text: string): { message?: unknown; details?: { missing?: unknown } | null } | undefined {
  try {
    const error: unknown = (JSON.parse(text) as { error?: unknown } | null)?.error;
    return typeof error === 'object' && error !== null ? error : undefined;
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return undefined;
    throw thrown;
  }
}

function engineIn(value: unknown): readonly MissingEngine[] {
  const { name, state, rung, failure } = (value ?? {}) as Partial<Record<keyof MissingEngine, unknown>>;
  if (typeof name !== 'string' || typeof state !== 'string') return [];
  const { code, message, logTail } = (failure ?? {}) as {
    code?: unknown;
    message?: unknown;
    logTail?: unknown;
  };
  return [
    {
      name,
      state,
      rung: typeof rung === 'string' ? rung : null,
      failure:
        typeof message === 'string'
          ? { code: String(code), message, logTail: Array.isArray(logTail) ? logTail.map(String) : [] }
          : null,
    },
  ];
}

function notReady(why: string): Seen {
  return { state: 'not_ready', why, missing: [] };
}

/** Says how it ended. @returns the exit code */
function report(
  result: {
    readonly seen: Seen;
    readonly ending: 'ready' | 'failed' | 'late' | 'interrupted';
    readonly ms: number;
  },
  { json }: WaitOptions,
  io: CommandIo,
): number {
  const { seen, ending, ms } = result;
  if (seen.state === 'ready') {
    if (json) io.out(JSON.stringify({ event: 'ready', url: seen.url, ms }));
    io.err(`ready: ${seen.url} after ${seconds(ms)}`);
    return 0;
  }
  const { why, missing } = seen;
  const lost = missing.find(({ state }) => state === 'failed');
  const code = lost?.failure?.code ?? 'not_ready';
  const words = { ready: '', failed: 'an engine has failed', late: 'not ready', interrupted: 'interrupted' };
  const message = `${words[ending]} after ${seconds(ms)}: ${lost?.failure?.message ?? why}`;
  if (json)
    io.out(
      JSON.stringify({
        event: 'failed',
        engine: lost?.name ?? null,
        code,
        message: lost?.failure?.message ?? why,
        ms,
        missing,
      }),
    );
  io.err(message);
  for (const engine of missing) for (const line of engineLines(engine)) io.err(line);
  return factsOf('not_ready').exit;
}

function engineLines({ name, state, rung, failure }: MissingEngine): readonly string[] {
  const where = rung !== null ? ` at ${rung}` : '';
  const head = `  engine ${name} is ${state}${where}${failure ? `: ${failure.message} [${failure.code}]` : ''}`;
  return [head, ...(failure?.logTail ?? []).map((line) => `    | ${line}`)];
}
