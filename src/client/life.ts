// The life of a connection, pure: `next(life, event, world)` answers the life that follows and what is to be done.
//
//     connecting ──opened──▶ open ──lost──▶ reconnecting ──opened──▶ open
//         │                    │                 │ refused, or given up
//         │ refused            │ close()         ▼
//         ├───────────────────▶├──────────▶ closing ──the socket has ended──▶ closed
//         │                    └─ 1000, shutdown, a refusal ─────────────────▶ closed
//
// Within `connecting` and `reconnecting` a step says what is waited for: the next attempt (`waiting`), a socket
// (`dialling`), or why there was none (`asking`). At most one socket is there at a time.
import { GreenroomError } from '../lifecycle/errors.ts';
import type {
  CloseFacts,
  ConnectionEnd,
  ConnectionState,
  Life,
  LifeEffect,
  LifeEvent,
  LifeWorld,
} from './life-states.ts';
import { type Outage, schedule, steadyMs, type Verdict, verdictOfClose, verdictOfRefusal } from './retry.ts';

export interface Step {
  readonly life: Life;
  readonly effects: readonly LifeEffect[];
}

type LifeOf<S extends ConnectionState> = Life & { readonly state: S };
type EventOf<T extends LifeEvent['type']> = LifeEvent & { readonly type: T };

export function begin({ openTimeoutMs }: LifeWorld): Step {
  return {
    life: { state: 'connecting', step: 'dialling', failure: null },
    effects: [{ type: 'dial' }, { type: 'timer', name: 'open', ms: openTimeoutMs }],
  };
}

export function next(life: Life, event: LifeEvent, world: LifeWorld): Step {
  switch (life.state) {
    case 'connecting':
    case 'reconnecting':
      return whileAway(life, event, world);
    case 'open':
      return whileOpen(life, event, world);
    case 'closing':
      return whileClosing(life, event, world);
    case 'closed':
      return { life, effects: [] };
  }
}

function whileAway(life: LifeOf<'connecting' | 'reconnecting'>, event: LifeEvent, world: LifeWorld): Step {
  if (event.type === 'close') return leaveBeforeOpen(life, world);
  if (life.step === 'waiting')
    return event.type === 'timer' && event.name === 'retry' ? redial(life, event, world) : same(life);
  if (life.step === 'asking')
    return event.type === 'explained' ? unopened(life, event.error, world) : same(life);
  switch (event.type) {
    case 'socket_opened': {
      const outage = life.state === 'reconnecting' ? life.outage : null;
      const open: Life = { state: 'open', step: 'serving', sinceMs: world.nowMs, outage, hintMs: null };
      return moved(life, open, `connected to ${world.url}`, [{ type: 'no_timer', name: 'open' }]);
    }
    case 'timer': {
      if (event.name !== 'open') return same(life);
      const { url, openTimeoutMs } = world;
      const message = `${url} did not answer the upgrade within ${openTimeoutMs} ms`;
      const failure = new GreenroomError('deadline_exceeded', message, { details: { url, openTimeoutMs } });
      return { life: { ...life, failure }, effects: [{ type: 'cut_socket' }] };
    }
    case 'socket_closed': {
      const why = life.failure ?? event.known;
      const noTimer = { type: 'no_timer', name: 'open' } as const;
      if (!why) return { life: { ...life, step: 'asking' }, effects: [noTimer, { type: 'ask' }] };
      const step = unopened(life, why, world);
      return { ...step, effects: [noTimer, ...step.effects] };
    }
    default:
      return same(life);
  }
}

function redial(life: LifeOf<'reconnecting'>, event: EventOf<'timer'>, world: LifeWorld): Step {
  const { nowMs, openTimeoutMs } = world;
  const before = event.outage === 'afresh' ? { sinceMs: nowMs, attempts: 0 } : life.outage;
  const outage = { ...before, attempts: before.attempts + 1 };
  return {
    life: { state: 'reconnecting', step: 'dialling', failure: null, outage },
    effects: [{ type: 'dial' }, { type: 'timer', name: 'open', ms: openTimeoutMs }],
  };
}

/** An attempt is over. The first of all is not repeated: most of the time the address is wrong. */
function unopened(
  life: LifeOf<'connecting' | 'reconnecting'>,
  error: GreenroomError,
  world: LifeWorld,
): Step {
  const verdict = verdictOfRefusal(error);
  const facts = { code: 1006, reason: error.message, wasClean: false };
  if (life.state === 'reconnecting') return afterLoss(life, life.outage, facts, verdict, world);
  const cause = verdict.next === 'end' ? verdict.cause : 'lost';
  return ended(life, { ...facts, cause }, [{ type: 'reject', error }]);
}

function leaveBeforeOpen(life: LifeOf<'connecting' | 'reconnecting'>, { url }: LifeWorld): Step {
  const facts = { code: 1006, reason: 'closed before it was open', wasClean: false };
  const effects: LifeEffect[] = [
    { type: 'no_timer', name: 'open' },
    { type: 'no_timer', name: 'retry' },
  ];
  if (life.state === 'connecting') {
    const error = new GreenroomError('cancelled', `${url}: ${facts.reason}`);
    effects.push({ type: 'reject', error });
  }
  if (life.step === 'dialling') {
    effects.push({ type: 'cut_socket' });
    return moved(life, { state: 'closing', step: 'cut', cause: 'asked', facts }, 'we close it', effects);
  }
  if (life.step === 'asking') effects.push({ type: 'stop_asking' });
  return ended(life, { ...facts, cause: 'asked' }, effects);
}

function whileOpen(life: LifeOf<'open'>, event: LifeEvent, world: LifeWorld): Step {
  switch (event.type) {
    case 'close': {
      const closing: Life = { state: 'closing', step: 'answer', cause: 'asked', facts: null };
      return moved(life, closing, 'we close it', closeSocket(event, world));
    }
    case 'shutdown_noticed': {
      const farewell = { type: 'timer', name: 'farewell', ms: world.farewellMs } as const;
      if (world.shutdown === 'wait') {
        const leaving: Life = { ...life, step: 'leaving', hintMs: event.retryMs };
        return { life: leaving, effects: [farewell] };
      }
      const closing: Life = { state: 'closing', step: 'farewell', cause: 'shutdown', facts: null };
      return moved(life, closing, event.message, [farewell]);
    }
    case 'timer':
      // A gateway that has said goodbye, and does not go.
      return event.name === 'farewell' ? { life, effects: [{ type: 'cut_socket' }] } : same(life);
    case 'socket_closed': {
      const held = event.whose === 'ours' || world.nowMs - life.sinceMs >= steadyMs;
      const outage = (!held && life.outage) || { sinceMs: world.nowMs, attempts: 0 };
      const verdict = verdictOfClose(event.code, life.hintMs ?? event.hintMs ?? null, world);
      const step = afterLoss(life, outage, factsOf(event), verdict, world);
      return { ...step, effects: [{ type: 'no_timer', name: 'farewell' }, ...step.effects] };
    }
    default:
      return same(life);
  }
}

function afterLoss(
  life: LifeOf<'open' | 'reconnecting'>,
  outage: Outage,
  facts: CloseFacts,
  verdict: Verdict,
  world: LifeWorld,
): Step {
  if (verdict.next === 'end') return ended(life, { ...facts, cause: verdict.cause });
  if (!world.reconnect) return ended(life, { ...facts, cause: 'lost' });
  const scheduled = schedule(world.reconnect, outage, verdict.hintMs, world);
  const said = facts.reason || `the connection was lost (${facts.code})`;
  if (scheduled.state === 'given_up') {
    return ended(life, { ...facts, reason: `${said}; ${scheduled.why}`, cause: 'lost' });
  }
  const { delayMs } = scheduled;
  const timer = { type: 'timer', name: 'retry', ms: delayMs } as const;
  const away: Life = { state: 'reconnecting', step: 'waiting', outage };
  const ahead = { attempt: outage.attempts + 1, retryMs: Math.round(delayMs) };
  return { life: away, effects: [timer, { type: 'tell', before: life.state, reason: said, ...ahead }] };
}

function whileClosing(life: LifeOf<'closing'>, event: LifeEvent, world: LifeWorld): Step {
  switch (event.type) {
    case 'socket_closed': {
      const timers = [
        { type: 'no_timer', name: 'grace' } as const,
        { type: 'no_timer', name: 'farewell' } as const,
      ];
      return ended(life, { ...factsOf(event), ...life.facts, cause: life.cause }, timers);
    }
    case 'close':
      return life.step === 'farewell' ? answered(life, event, world) : same(life);
    case 'timer': {
      if (event.name === 'farewell' && life.step === 'farewell')
        return answered(life, { code: 1000, reason: '' }, world);
      if (event.name !== 'grace') return same(life);
      const reason = `the close was not answered within ${world.closeGraceMs} ms`;
      const facts = { code: 1006, reason, wasClean: false };
      return { life: { ...life, step: 'cut', facts }, effects: [{ type: 'cut_socket' }] };
    }
    default:
      return same(life);
  }
}

/** The server has had the word long enough: we close. */
function answered(life: LifeOf<'closing'>, given: { code: number; reason: string }, world: LifeWorld): Step {
  return { life: { ...life, step: 'answer' }, effects: closeSocket(given, world) };
}

function closeSocket(
  given: { code: number; reason: string },
  { closeGraceMs }: LifeWorld,
): readonly LifeEffect[] {
  const { code, reason } = given;
  return [
    { type: 'no_timer', name: 'farewell' },
    { type: 'close_socket', code, reason },
    { type: 'timer', name: 'grace', ms: closeGraceMs },
  ];
}

const same = (life: Life): Step => ({ life, effects: [] });

function moved(from: Life, life: Life, reason: string, effects: readonly LifeEffect[]): Step {
  const tell = { type: 'tell', before: from.state, reason, attempt: null, retryMs: null } as const;
  return { life, effects: [...effects, tell] };
}

function ended(from: Life, end: ConnectionEnd, effects: readonly LifeEffect[] = []): Step {
  return moved(from, { state: 'closed', end }, end.reason || `closed with ${end.code}`, effects);
}

const factsOf = ({ code, reason, wasClean }: EventOf<'socket_closed'>): CloseFacts => ({
  code,
  reason,
  wasClean,
});

/** Why nothing can be sent now, for whoever tried. */
export function cannotSend(what: string, life: Life): GreenroomError {
  const { state } = life;
  if (state === 'connecting' || state === 'reconnecting') {
    const hint = state === 'connecting' ? 'await `opened`' : 'wait for `client.state`';
    return new GreenroomError('not_ready', `cannot send ${what}: still ${state}; ${hint}`);
  }
  if (state === 'open' && life.step === 'leaving') {
    const message = `cannot send ${what}: the gateway is leaving; wait for \`client.state\``;
    return new GreenroomError('not_ready', message);
  }
  const end = state === 'closed' ? ` (${life.end.code}${life.end.reason ? ` ${life.end.reason}` : ''})` : '';
  // The server's close frame has come, and its end has not.
  const word = state === 'open' ? 'closing' : state;
  return new GreenroomError('scope_closed', `cannot send ${what}: the connection is ${word}${end}`);
}
