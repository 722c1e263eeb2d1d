// `greenroom play`: plays a recording back and shows how far it is; in a call of its own, with what is heard and answered
// in it, or into a session that is there. Everything it opens is in one scope, which it closes itself.
import { connect } from '../client/connect.ts';
import type { RealtimeConnection } from '../client/connection.ts';
import { type Clock, delay, systemClock } from '../lifecycle/clock.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import { Scope } from '../lifecycle/scope.ts';
import type { PlaybackNotice } from '../wire/notices.ts';
import { connectFailure } from './connect-failure.ts';
import type { CommandIo } from './io.ts';
import { PlaybackApi, type PlaybackShown } from './play/api.ts';
import { PlayReport } from './play/report.ts';
import { Call } from './talk/call.ts';
import { TalkSocket } from './talk/socket.ts';
import { type GatewayFound, type GatewayOptions, requireGateway } from './talk-address.ts';

export interface PlayOptions extends GatewayOptions {
  readonly mode?: string | undefined;
  readonly speed?: string | undefined;
  /** Default: a call of its own. */
  readonly session?: string | undefined;
  /** Of its own call; default: as recorded. */
  readonly model?: string | undefined;
  readonly token?: string | undefined;
  readonly json?: boolean | undefined;
}

interface Playing {
  readonly recordingId: string;
  readonly mode: string;
  readonly speed: number;
}

const lookEveryMs = 500;
const openMs = 60_000;

/**
 * Returns 0 when it was played to its end or the person stopped it, 1 when it failed, was stopped by somebody else or the
 * call was lost. Throws `bad_usage`, `gateway_unreachable` and what the gateway refuses it with.
 */
export async function play(
  recordingId: string,
  options: PlayOptions,
  io: CommandIo,
  clock: Clock = systemClock,
): Promise<number> {
  const { mode = 'full', speed = '1', session, token = io.env['GREENROOM_TOKEN'], json = false } = options;
  if (!/^[^/]+\/[^/]+$/.test(recordingId)) {
    const message = `${JSON.stringify(recordingId)} is no name of a recording: those are SESSION/TAKE, such as sess_0a1b/1`;
    throw new GreenroomError('bad_usage', message);
  }
  if (session !== undefined && options.model !== undefined)
    throw new GreenroomError(
      'bad_usage',
      '--model is for a call of its own: --session names one that is there',
    );
  if (!Number.isFinite(Number(speed)) || speed.trim() === '')
    throw new GreenroomError('bad_usage', `--speed: expected 0 or 0.5 to 8, got ${JSON.stringify(speed)}`);
  const found = await requireGateway(options, io);
  const scope = new Scope('play', { clock, kind: 'command' });
  try {
    const api = new PlaybackApi(found.url, token, scope);
    const report = new PlayReport(io, json ? 'json' : 'lines');
    const what = { recordingId, mode, speed: Number(speed) };
    if (session !== undefined) return await follow(api, report, { ...what, sessionId: session }, io, clock);
    const model = options.model ?? (await api.pipelineOf(recordingId));
    return await inOwnCall({ api, report, scope, found, model, token }, what, io);
  } finally {
    await scope.close('done');
  }
}

/** Somebody else's session: what is said there is theirs. */
async function follow(
  api: PlaybackApi,
  report: PlayReport,
  what: Playing & { readonly sessionId: string },
  io: CommandIo,
  clock: Clock,
): Promise<number> {
  let shown: PlaybackShown = await api.start(what);
  report.playback(shown);
  while (shown.state === 'playing') {
    if ((await delay(clock, lookEveryMs, io.signal)) === 'aborted') {
      await api.stop(shown.id);
      return 0;
    }
    shown = await api.find(shown.id);
    report.playback(shown);
  }
  return report.exitCode;
}

interface OwnCall {
  readonly api: PlaybackApi;
  readonly report: PlayReport;
  readonly scope: Scope;
  readonly found: GatewayFound & { readonly url: string };
  readonly model: string;
  readonly token: string | undefined;
}

async function inOwnCall(
  { api, report, scope, found, model, token }: OwnCall,
  what: Playing,
  io: CommandIo,
): Promise<number> {
  const socket = { WebSocket: TalkSocket, openTimeoutMs: openMs, reconnect: false } as const;
  const connection = await scope.acquire(
    'connection',
    () => connect({ url: found.url, model, token, ...socket }),
    async (opened) => void (await opened.close()),
  );
  const { clock } = scope;
  const call = new Call({
    ...{ connection, report, clock, timeoutMs: openMs, keeps: 'nothing', signal: io.signal },
  });
  scope.defer('call', () => call.leave());
  const ended = Promise.withResolvers<'ended' | 'lost' | 'interrupted'>();
  connection.on('greenroom.playback', (notice: PlaybackNotice) => {
    report.notified(notice);
    if (notice.state !== 'playing') ended.resolve('ended');
  });
  void connection.closed.then(() => ended.resolve('lost'));
  const interrupt = () => ended.resolve('interrupted');
  io.signal.addEventListener('abort', interrupt, { once: true });
  try {
    const sessionId = await sessionOf(connection, found, token);
    const { id } = await api.start({ ...what, sessionId });
    const how = await ended.promise;
    if (how === 'interrupted') await api.stop(id);
    if (how === 'lost')
      report.error('client_lost', 'the gateway closed the call before the playback had ended');
    return how === 'interrupted' ? 0 : report.exitCode;
  } finally {
    io.signal.removeEventListener('abort', interrupt);
  }
}

async function sessionOf(
  connection: RealtimeConnection,
  found: GatewayFound,
  token: string | undefined,
): Promise<string> {
  const created = new Promise<string>((resolve) => {
    connection.on('session.created', ({ session }) => resolve(String(session.id)));
  });
  try {
    await connection.opened;
  } catch (thrown) {
    throw connectFailure(thrown, found, token);
  }
  return created;
}
