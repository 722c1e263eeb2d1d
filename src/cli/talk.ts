// `greenroom talk`: calls a gateway; with a microphone and the keys, or with what it was given to say. Everything it
// opens is in one scope, which it closes itself, however the call ends.
import { writeFile } from 'node:fs/promises';
import { durationMs } from '../audio/pcm.ts';
import { writeWav } from '../audio/wav.ts';
import { connect } from '../client/connect.ts';
import { type Clock, systemClock } from '../lifecycle/clock.ts';
import { Deadline } from '../lifecycle/deadline.ts';
import { GreenroomError, messageOf, toGreenroomError } from '../lifecycle/errors.ts';
import { Scope } from '../lifecycle/scope.ts';
import { sessionRateHz } from '../wire/session-config.ts';
import { connectFailure } from './connect-failure.ts';
import type { CommandIo } from './io.ts';
import { Call } from './talk/call.ts';
import { LiveCall } from './talk/live-call.ts';
import { planTalk, type TalkOptions, type TalkPlan } from './talk/plan.ts';
import { TalkReport } from './talk/report.ts';
import { converse, NoSpeech } from './talk/script.ts';
import { TalkSocket } from './talk/socket.ts';
import { type GatewayFound, requireGateway } from './talk-address.ts';

export type { TalkOptions } from './talk/plan.ts';

type Outcome = 'done' | 'ended' | 'failed';

/** A gateway that ends the call says so with a close of its own; that is waited for. */
const farewellMs = 1500;

/**
 * Returns the exit code of a call that took place: 0 when everything said was answered, or the gateway left, or the
 * person stopped it; 1 when the connection was lost. Throws what kept it from taking place: `bad_usage`,
 * `microphone_missing`, `gateway_unreachable`, a refusal.
 */
export async function talk(options: TalkOptions, io: CommandIo, clock: Clock = systemClock): Promise<number> {
  const plan = await planTalk(options, io);
  const found = await requireGateway(options, io);
  const { model, token = io.env['GREENROOM_TOKEN'], json = false } = options;
  const { timeoutMs, outPath } = plan;
  const scope = new Scope('talk', { clock, kind: 'command' });
  try {
    const live = plan.kind === 'live' ? new LiveCall({ io, json, plan, scope, clock }) : null;
    const report = live?.report ?? new TalkReport(io, json ? 'json' : 'lines');
    // What was given to say was said in one conversation: a second one would know nothing of it.
    const reconnect = live ? { totalMs: timeoutMs, maxMs: 3000, attempts: 1000 } : false;
    const connection = await scope.acquire(
      'connection',
      () =>
        connect({
          ...{ url: found.url, model, token, WebSocket: TalkSocket, openTimeoutMs: timeoutMs },
          ...{ reconnect, resume: live !== null },
        }),
      async (opened) => {
        await opened.close();
      },
    );
    const keeps = live && outPath === undefined ? 'nothing' : 'all';
    const call = new Call({ connection, report, clock, timeoutMs, keeps, signal: io.signal });
    scope.defer('call', () => call.leave());
    live?.follow(call);
    if ((await opened(call, found, token)) === 'ended') await finish(call, plan, report, 'ended');
    else await finish(call, plan, report, live ? await live.run(call) : await say(call, plan, report, scope));
    return report.exitCode;
  } finally {
    await scope.close('done');
  }
}

async function opened(call: Call, found: GatewayFound, token: string | undefined): Promise<'open' | 'ended'> {
  try {
    await call.connection.opened;
    return 'open';
  } catch (thrown) {
    if (call.ending?.state === 'interrupted') return 'ended';
    throw connectFailure(thrown, found, token);
  }
}

async function say(call: Call, plan: TalkPlan, report: TalkReport, scope: Scope): Promise<Outcome> {
  report.opened(call.connection.url);
  try {
    return await converse(call, plan, scope);
  } catch (thrown) {
    // The gateway has begun to close, and what we wanted to send came too late: the close says why.
    const late = thrown instanceof GreenroomError && thrown.code === 'scope_closed';
    if (late || call.connection.state !== 'open') return 'ended';
    if (thrown instanceof NoSpeech) report.error('no_speech', thrown.message);
    else {
      const { code, message, exitCode } = toGreenroomError(thrown);
      report.error(code, message, exitCode);
    }
    return 'failed';
  }
}

async function finish(
  call: Call,
  { outPath }: TalkPlan,
  report: TalkReport,
  outcome: Outcome,
): Promise<void> {
  const { connection, answers, clock } = call;
  const farewell = new Deadline(clock, farewellMs);
  if (outcome === 'ended' && call.ending?.state !== 'interrupted') await farewell.wait(connection.closed);
  farewell.dispose();
  const end = await connection.close();
  for (const answer of answers.abandon()) report.answer(answer);
  if (outPath !== undefined) await keep(outPath, answers.pcm(), report);
  const told = outcome !== 'ended' || call.ending?.state !== 'closed';
  report.closed(end, told ? 'expected' : 'unexpected');
}

async function keep(path: string, pcm: Int16Array, report: TalkReport): Promise<void> {
  if (pcm.length === 0) return report.remark('nothing_heard', `no audio was heard: ${path} is not written`);
  try {
    await writeFile(path, writeWav(pcm, sessionRateHz));
    report.written(path, durationMs(pcm.length, sessionRateHz));
  } catch (thrown) {
    report.error('internal_error', `${path} cannot be written: ${messageOf(thrown)}`);
  }
}
