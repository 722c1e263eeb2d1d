// `greenroom up`: a gateway in this process, from the open door to the report of its leaving.
import { formatListen } from '../config/listen.ts';
import { type LoadedConfig, loadConfig } from '../config/load.ts';
import { shippedFile } from '../engines/locate.ts';
import { certificateWarnings } from '../gateway/certificate.ts';
import { stopCommand } from '../gateway/data-directory.ts';
import type { Door } from '../gateway/door.ts';
import { Gateway } from '../gateway/gateway.ts';
import { openDoor, secureDoor, securityOf } from '../gateway/open-door.ts';
import { lookInto } from '../gateway/presence.ts';
import { systemClock } from '../lifecycle/clock.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import { forceExit, installProcessEnd } from '../lifecycle/process-end.ts';
import { type Sentinel, startSentinel } from '../lifecycle/sentinel.ts';
import type { ShutdownReport } from '../lifecycle/shutdown.ts';
import { generationLine } from './change-lines.ts';
import { chooseScreen } from './choose-screen.ts';
import { type Console, openConsole } from './console.ts';
import { currentFolder } from './current-folder.ts';
import type { EarlyDoor } from './early-door.ts';
import { openNames } from './open-names.ts';
import type { Screen } from './screen.ts';
import { watchEngines } from './watch-engines.ts';

/** Of the shutdown's time: a loop that has not heard a signal by then is taken for held. */
const sentinelShare = 0.95;

export interface UpOptions {
  readonly config?: string;
  readonly listen?: string;
  readonly data?: string;
  readonly set?: readonly string[];
  readonly model?: string;
  readonly openai?: true;
  /** Default true. */
  readonly discover?: boolean;
  readonly json?: true;
}

/** Returns the exit code when the gateway has left. Throws what kept it from starting. */
export async function up(options: UpOptions, early: EarlyDoor | undefined): Promise<number> {
  // Whoever reads us may be gone already: that is no reason to fall.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  const screen = chooseScreen(options.json && process.stdout);
  const loaded = await load(options);
  const door = await takeDoor(loaded, early);
  const ms = door === early?.door ? early.listeningMs : systemClock.now();
  screen.listening({ url: door.url, pid: process.pid, ms, source: loaded.source });
  const auth = loaded.config.auth.tokens.length > 0 ? 'token' : 'none';
  const search = searchFor(options, loaded, screen);
  let prompt: Console | undefined;
  let sentinel: Sentinel | undefined;
  const gateway = await Gateway.open({
    door,
    config: loaded.config,
    secrets: loaded.secrets,
    process: 'owned',
    reload: async () => stillThere(loaded, await load(options)),
    ...(search.find && { find: search.find }),
    onCreated: ({ shutdown }) => {
      installProcessEnd(shutdown, {
        say: (line) => screen.last(line),
        onSignal: () => sentinel?.heard(),
      });
      early?.signals.leave();
      const asked = early?.signals.first();
      if (asked) shutdown.signal(asked);
    },
    onLeaving: (reason) => {
      prompt?.close();
      screen.leaving(reason);
    },
    onStall: (stall) => screen.stall(stall),
    onForce: (cause, state, of) =>
      forceExit({
        cause,
        state,
        open: openNames(of.tree()),
        killGroups: () => of.killGroups(),
        say: (line) => screen.last(line),
      }),
  });
  sentinel = startSentinel({
    file: shippedFile('sentinel'),
    graceMs: loaded.config.shutdown.totalMs * sentinelShare,
    onTrouble: (message) => gateway.warn(message),
  });
  for (const warning of await certificateWarnings(loaded.config.tls, systemClock.wallTime())) {
    gateway.warn(warning);
    screen.line(warning);
  }
  for (const status of gateway.engines()) screen.engine(status);
  const stopWatching = gateway.onEngine(({ status }) => screen.engine(status));
  // Opened now, it would be closed by nobody.
  if (gateway.shutdown.state === 'running') {
    gateway.changes.restarts.changes.listen((change) => {
      const line = generationLine(change);
      if (line !== undefined && gateway.shutdown.state === 'running') screen.line(line);
    });
    prompt = openConsole(gateway, screen, { json: options.json === true });
  }
  void ready(gateway, search.over).then(({ missing }) => {
    if (gateway.shutdown.state !== 'running') return;
    if (missing.length === 0) screen.ready({ url: gateway.url, ms: systemClock.now(), auth });
    else for (const status of missing) if (status.failure) screen.failed(status);
  });
  void watchEngines(gateway, screen).then(() => prompt?.open());

  const report: ShutdownReport = await gateway.shutdown.done;
  stopWatching();
  screen.left(report);
  return report.exitCode;
}

/** What is found on this machine counts as well. */
async function ready(gateway: Gateway, searched: Promise<unknown>) {
  await Promise.race([searched, gateway.shutdown.done]);
  return gateway.whenReady();
}

/** Without a configuration, what runs on this machine is looked for: when the door is open, and callers are seated. */
function searchFor({ discover }: UpOptions, { origin, config, secrets }: LoadedConfig, screen: Screen) {
  if (origin === 'file' || discover === false) return { find: undefined, over: Promise.resolve() };
  const over = Promise.withResolvers<void>();
  const find = async (signal: AbortSignal) => {
    try {
      const { searchMachine } = await import('./search.ts');
      const taken = Object.keys(config.engines);
      return await searchMachine({ signal, secrets, taken, found: (finding) => screen.found(finding) });
    } finally {
      over.resolve();
    }
  };
  return { find, over: over.promise };
}

async function load({ config, listen, data, set, model, openai }: UpOptions): Promise<LoadedConfig> {
  const { env } = process;
  const cwd = currentFolder();
  const asked = model !== undefined || openai;
  const engines = asked
    ? await (await import('./asked-engines.ts')).askedEngines({ config, model, openai, cwd, env })
    : {};
  return loadConfig({
    ...(config !== undefined && { file: config }),
    ...(listen !== undefined && { listen }),
    ...(data !== undefined && { data }),
    set: set ?? [],
    ...{ engines, env, cwd },
  });
}

/** A busy address is often a gateway of the same folder: then that is what is said. */
async function explained(failure: GreenroomError, dataDirectory: string): Promise<GreenroomError> {
  const found = await lookInto(dataDirectory).catch(() => undefined);
  if (found?.state !== 'running' || !found.record.url.endsWith(`:${failure.details['port']}`)) return failure;
  const { pid, url } = found.record;
  const stop = `stop it with \`${stopCommand(dataDirectory)}\``;
  const message = `a gateway of this folder listens there already: pid ${pid} at ${url}; ${stop}, or use another --listen and --data`;
  return new GreenroomError('data_directory_locked', message, { cause: failure, details: { pid, url } });
}

/** The early door, if it opened where the whole configuration wants it. */
async function takeDoor({ config }: LoadedConfig, early: EarlyDoor | undefined): Promise<Door> {
  const wanted = config.listen;
  if (early && !early.failure) {
    const { door } = early;
    const { host, port } = door.address;
    const fits = host === wanted.host && (port === wanted.port || wanted.port === 0);
    if (fits && door.security === securityOf(config)) {
      await secureDoor(door, config);
      return door;
    }
    await door.close();
  } else if (early?.failure) {
    const { host, port } = early.failure.details as { host?: string; port?: number };
    if (host !== undefined && port !== undefined && formatListen({ host, port }) === formatListen(wanted))
      throw await explained(early.failure, config.dataDirectory);
  }
  return openDoor(config);
}

/** What an editor or a checkout has taken away for a moment is no wish for the embedded default. */
function stillThere(before: LoadedConfig, after: LoadedConfig): LoadedConfig {
  if (before.origin === 'embedded' || after.origin === 'file') return after;
  const message = `${before.source}, with which this gateway was started, is not there any more: nothing has changed`;
  throw new GreenroomError('config_not_found', message);
}
