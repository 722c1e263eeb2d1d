// `greenroom ps`: the gateway of a data directory, by its run record and the identity of its process, and what it says
// of itself when it answers within a second.

import { resolve } from 'node:path';
import { formatAge } from '../config/units.ts';
import { readMemory, residentBytes } from '../engines/host/memory.ts';
import { leadsTo } from '../gateway/listening.ts';
import { lookInto, type Presence } from '../gateway/presence.ts';
import type { RunRecord } from '../gateway/run-record.ts';
import { type Clock, systemClock } from '../lifecycle/clock.ts';
import { factsOf } from '../lifecycle/codes.ts';
import { Scope } from '../lifecycle/scope.ts';
import { ask, gatewayUrl } from './ask.ts';
import { type EngineShown, type GatewayHealth, healthIn } from './gateway-health.ts';
import type { CommandIo } from './io.ts';
import { engineEvent } from './json-events.ts';
import { engineLine, mebibytes } from './screen.ts';
import { type GatewayOptions, startHint } from './talk-address.ts';

export interface PsOptions extends GatewayOptions {
  readonly token?: string | undefined;
  readonly json?: boolean | undefined;
}

/** `unrecorded`: somebody holds the directory and its record does not say who. `gone`, `corrupt`: nothing runs. */
type PsState = Presence['state'];

/** The event `gateway`. */
interface GatewayShown {
  readonly state: PsState;
  readonly data: string | null;
  readonly pid: number | null;
  readonly url: string | null;
  readonly version: string | null;
  readonly startedAt: string | null;
  readonly ageMs: number | null;
  /** As it says itself; null when it does not answer. */
  readonly status: string | null;
  readonly sessions: { readonly open: number; readonly max: number } | null;
  readonly memoryBytes: number | null;
  /** The UNIX socket that takes events. */
  readonly eventsSocket: string | null;
  /** What is not as it should be. */
  readonly why: string | null;
}

type Running = Extract<Presence, { state: 'running' }>;

type Heard =
  | { readonly state: 'heard'; readonly health: GatewayHealth }
  | { readonly state: 'silent'; readonly why: string };

const answerWithinMs = 1000;

/** Returns 0 when something runs, 69 when nothing does. Throws `permission_denied` and `bad_usage`. */
export async function ps(options: PsOptions, io: CommandIo, clock: Clock = systemClock): Promise<number> {
  const scope = new Scope('ps', { clock, kind: 'command' });
  const interrupt = () => void scope.close('done');
  io.signal.addEventListener('abort', interrupt, { once: true });
  try {
    const { url } = options;
    if (url !== undefined) {
      const heard = await hear(url, options, io, scope);
      return await show(ofUrl(url, heard, clock), heard, options, io);
    }
    const directory = resolve(io.cwd, options.data ?? '.greenroom');
    const presence = await lookInto(directory);
    if (presence.state !== 'running')
      return await show(ofPresence(directory, presence, clock), undefined, options, io);
    const heard = await hearProcess(presence.record, options, io, scope);
    return await show(await ofRecord(directory, presence.record, heard, clock), heard, options, io);
  } finally {
    io.signal.removeEventListener('abort', interrupt);
    await scope.close('done');
  }
}

async function hear(given: string, { token }: PsOptions, io: CommandIo, scope: Scope): Promise<Heard> {
  const url = gatewayUrl(given, '/v1/health');
  const question = { url, token: token ?? io.env['GREENROOM_TOKEN'] };
  if (scope.state !== 'open' || io.signal.aborted) return { state: 'silent', why: 'interrupted' };
  const asked = await ask(question, scope, answerWithinMs);
  if (asked.state === 'silent') return asked;
  const health = asked.status === 200 ? healthIn(asked.text) : undefined;
  if (health) return { state: 'heard', health };
  const next =
    asked.status === 401 ? 'it needs a token: --token, or GREENROOM_TOKEN' : 'which no gateway does';
  return { state: 'silent', why: `${url.href} answers HTTP ${asked.status}, ${next}` };
}

/** Nobody else is asked, who would be given the token; another gateway may have the port by now. */
async function hearProcess(
  { pid, url }: RunRecord,
  options: PsOptions,
  io: CommandIo,
  scope: Scope,
): Promise<Heard> {
  if (!(await leadsTo(url, pid)))
    return { state: 'silent', why: `pid ${pid} does not listen there, so it is not asked` };
  const heard = await hear(url, options, io, scope);
  if (heard.state === 'silent' || heard.health.pid === pid) return heard;
  return { state: 'silent', why: `at ${url} another gateway answers, pid ${heard.health.pid}` };
}

const nothing: GatewayShown = {
  ...{ state: 'none', data: null, pid: null, url: null, version: null, startedAt: null, ageMs: null },
  ...{ status: null, sessions: null, memoryBytes: null, eventsSocket: null, why: null },
};

function ofUrl(url: string, heard: Heard, clock: Clock): GatewayShown {
  if (heard.state === 'silent') return { ...nothing, url, why: heard.why };
  const { pid, version, uptimeMs, status, sessions } = heard.health;
  const startedAt = new Date(clock.wallTime() - uptimeMs).toISOString();
  return { ...nothing, state: 'running', url, pid, version, startedAt, ageMs: uptimeMs, status, sessions };
}

async function ofRecord(data: string, record: RunRecord, heard: Heard, clock: Clock): Promise<GatewayShown> {
  const unheard = { status: record.state === 'leaving' ? 'shutting_down' : null, sessions: null };
  const { status, sessions } = heard.state === 'heard' ? heard.health : unheard;
  const memoryBytes = await residentBytes(record.pid);
  const why = heard.state === 'silent' ? heard.why : null;
  return {
    ...nothing,
    state: 'running',
    data,
    ...recorded(record, clock),
    status,
    sessions,
    memoryBytes,
    eventsSocket: record.eventsSocket ?? null,
    why,
  };
}

function ofPresence(data: string, presence: Exclude<Presence, Running>, clock: Clock): GatewayShown {
  const { state } = presence;
  switch (state) {
    case 'gone': {
      const why = `${leftBehind(presence)}: no gateway runs in ${data}`;
      return { ...nothing, state, data, ...recorded(presence.record, clock), why };
    }
    case 'unrecorded': {
      const what = presence.problem ?? 'it has not written its address (it starts, or leaves)';
      const pid = presence.holder?.pid ?? null;
      return { ...nothing, state, data, pid, why: `somebody holds ${data}: ${what}` };
    }
    case 'corrupt':
      return { ...nothing, state, data, why: `${presence.problem}; no gateway runs in ${data}` };
    case 'none':
      return { ...nothing, data, why: `no gateway runs in ${data}` };
  }
}

function leftBehind({ record: { pid }, process }: Extract<Presence, { state: 'gone' }>): string {
  if (process === 'ended') return `left behind by pid ${pid}, gone`;
  return `the record is of pid ${pid}, which runs and does not hold this directory (is it a copy?)`;
}

function recorded({ pid, url, version, startedAt }: RunRecord, clock: Clock) {
  return { pid, url, version, startedAt, ageMs: Math.max(0, clock.wallTime() - Date.parse(startedAt)) };
}

/** @returns the exit code */
async function show(
  shown: GatewayShown,
  heard: Heard | undefined,
  { json }: PsOptions,
  io: CommandIo,
): Promise<number> {
  const runs = shown.state === 'running' || shown.state === 'unrecorded';
  const say = json || !runs ? io.err : io.out;
  const engines = heard?.state === 'heard' ? heard.health.engines : [];
  const memory = shown.data === null ? undefined : await readMemory(engines.flatMap(({ pid }) => pid ?? []));
  const memoryOf = ({ pid }: EngineShown) => (pid === null ? null : (memory?.of(pid) ?? null));
  if (json) {
    io.out(JSON.stringify({ event: 'gateway', ...shown }));
    for (const engine of engines)
      io.out(JSON.stringify({ ...engineEvent(engine), memoryBytes: memoryOf(engine) }));
  }
  say(gatewayLine(shown));
  const width = Math.max(0, ...engines.map(({ name }) => name.length));
  for (const engine of engines)
    say(`  ${[engineLine(engine, width), ...placeOf(engine, memoryOf(engine))].join('  ')}`);
  return runs ? 0 : factsOf('gateway_unreachable').exit;
}

function gatewayLine({
  state,
  pid,
  url,
  version,
  ageMs,
  status,
  sessions,
  memoryBytes,
  eventsSocket,
  why,
}: GatewayShown): string {
  if (state === 'none') return `${why}; ${startHint}`;
  if (state !== 'running')
    return [why, pid !== null && state === 'unrecorded' && `pid ${pid}`].filter(Boolean).join(', ');
  const parts = [
    `pid ${pid} at ${url}`,
    `version ${version}`,
    `for ${formatAge(Math.round(ageMs ?? 0))}`,
    sessions && `${sessions.open} of ${sessions.max} sessions`,
    memoryBytes !== null && mebibytes(memoryBytes),
    eventsSocket !== null && `events at ${eventsSocket}`,
    why && `from its run record alone: ${why}`,
  ];
  return `${status ?? 'no answer'}  ${parts.filter(Boolean).join(', ')}`;
}

function placeOf({ pid, port }: EngineShown, memoryBytes: number | null): readonly string[] {
  const parts = [
    pid !== null && `pid ${pid}`,
    port !== null && `port ${port}`,
    memoryBytes !== null && mebibytes(memoryBytes),
  ];
  return parts.filter((part) => part !== false);
}
