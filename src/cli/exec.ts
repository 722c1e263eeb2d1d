// `greenroom exec`: engines for as long as one command runs. It begins when they are ready, and everything is gone
// before its exit code is ours.
import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LoadedConfig, loadConfig } from '../config/load.ts';
import type { EngineStatus } from '../engines/status.ts';
import { Gateway } from '../gateway/gateway.ts';
import { openDoor } from '../gateway/open-door.ts';
import { systemClock } from '../lifecycle/clock.ts';
import { type EndSignal, forceExit, installProcessEnd } from '../lifecycle/process-end.ts';
import type { ShutdownReport } from '../lifecycle/shutdown.ts';
import { chooseScreen } from './choose-screen.ts';
import { currentFolder } from './current-folder.ts';
import { type CommandEnd, RunningCommand, signalCode } from './exec/command.ts';
import { execEnvironment } from './exec/environment.ts';
import { execConfig } from './exec/plan.ts';
import { openNames } from './open-names.ts';
import { failureLines, type Screen, seconds } from './screen.ts';
import { watchEngines } from './watch-engines.ts';

export interface ExecOptions {
  readonly config?: string;
  readonly engine?: readonly string[];
  readonly data?: string;
  readonly set?: readonly string[];
  readonly json?: true;
}

/** Of the command. */
interface Run {
  command?: RunningCommand;
  outcome?: CommandEnd;
  /** The signal that we were sent while it ran. */
  asked?: EndSignal;
}

const notReady = 69;
const engineDied = 70;
/** In its own folder and on a port of its own: there may be a gateway that serves the same configuration. */
const anyPort = '127.0.0.1:0';

/** Returns the command's exit code, 69 when an engine did not become ready, 70 when one died while the command ran. */
export async function exec(argv: readonly string[], options: ExecOptions): Promise<number> {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  // Made by the gateway, once a signal finds somebody who removes it.
  const folder = options.data === undefined ? join(tmpdir(), `greenroom-exec-${randomUUID()}`) : undefined;
  // A forced exit does not come back here.
  const forced = () => folder !== undefined && rmSync(folder, { recursive: true, force: true });
  process.once('exit', forced);
  try {
    return await execIn(options.data ?? folder ?? '', argv, options);
  } finally {
    process.off('exit', forced);
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
}

async function execIn(data: string, argv: readonly string[], options: ExecOptions): Promise<number> {
  const loaded = await load(data, options);
  // Standard output is the command's.
  const screen = chooseScreen(options.json && process.stderr);
  const run: Run = {};
  const door = await openDoor(loaded.config);
  const gateway = await Gateway.open({
    door,
    config: loaded.config,
    secrets: loaded.secrets,
    process: 'owned',
    // One try: whoever runs a command wants to know why not, not to wait for the next attempt.
    attempts: 1,
    onCreated: ({ shutdown }) => {
      installProcessEnd(shutdown, {
        say: (line) => screen.last(line),
        // The command ends first: it may have something to say to the engines.
        signal: (name) => {
          if (!run.command || run.outcome) return shutdown.signal(name);
          run.asked ??= name;
          void run.command.signal(name);
        },
      });
    },
    onForce: (cause, state, of) => {
      run.command?.kill();
      forceExit({
        cause,
        state,
        open: openNames(of.tree()),
        killGroups: () => of.killGroups(),
        say: (line) => screen.last(line),
      });
    },
  });
  const stopWatching = gateway.onEngine(({ status }) => screen.engine(status));
  for (const status of gateway.engines()) screen.engine(status);
  void watchEngines(gateway, screen);
  const { missing } = await gateway.whenReady();
  stopWatching();
  if (gateway.shutdown.state !== 'running') return left(await gateway.shutdown.done, screen);
  const code =
    missing.length > 0
      ? tellMissing(missing, screen)
      : await runCommand(gateway, loaded, argv, { screen, run });
  const report = await gateway.shutdown.request(run.asked ?? 'quit');
  if (report.exitCode !== 0) screen.left(report);
  return code;
}

/** It was told to leave before there was a command. */
function left(report: ShutdownReport, screen: Screen): number {
  const { reason, exitCode } = report;
  screen.line(`greenroom: the command was not run: ${reason}`);
  if (exitCode !== 0) screen.left(report);
  return reason.startsWith('SIG') ? signalCode(reason as EndSignal) : exitCode;
}

async function runCommand(
  gateway: Gateway,
  { config }: LoadedConfig,
  argv: readonly string[],
  { screen, run }: { readonly screen: Screen; readonly run: Run },
): Promise<number> {
  screen.settled();
  screen.line(`greenroom: ready after ${seconds(systemClock.now())}, running ${shown(argv)}`);
  const engines = gateway.engines();
  const token = config.auth.tokens[0]?.reveal();
  const adminToken = config.auth.admin[0]?.reveal();
  const command = new RunningCommand({
    argv,
    env: execEnvironment(process.env, { url: gateway.url, engines, token, adminToken }),
    cwd: currentFolder(),
    clock: systemClock,
    terminal: process.stdin.isTTY === true,
  });
  run.command = command;
  // Told to leave over the API, say: then there is nobody whom the command could ask any more.
  gateway.shutdown.leaving.addEventListener('abort', () => void command.stop(), { once: true });
  let died: EngineStatus | undefined;
  const unwatch = gateway.onEngine(({ status, before }) => {
    if (before !== 'ready' || died || run.outcome || gateway.shutdown.state !== 'running') return;
    if (!['failed', 'stopping', 'backoff'].includes(status.state) || !status.failure) return;
    died = status;
    void command.stop();
  });
  const outcome = await command.ended;
  run.outcome = outcome;
  unwatch();
  if (died) {
    for (const line of failureLines(died)) screen.line(line);
    screen.line(
      `greenroom: the engine died while the command ran; the command was ended (${howEnded(outcome)})`,
    );
    return engineDied;
  }
  if (outcome.state === 'unstarted') screen.line(`greenroom: ${outcome.why}`);
  return outcome.code;
}

function tellMissing(missing: readonly EngineStatus[], screen: Screen): number {
  for (const status of missing) if (status.failure) screen.failed(status);
  const names = missing.map(({ name, state }) => `${name} is ${state}`).join(', ');
  screen.line(`greenroom: the command was not run: ${names}`);
  return notReady;
}

const shownCharsMax = 80;

function shown(argv: readonly string[]): string {
  const line = argv.join(' ').replace(/[\p{Cc}]+/gu, ' ');
  return line.length > shownCharsMax ? `${line.slice(0, shownCharsMax)}…` : line;
}

const howEnded = (end: CommandEnd): string =>
  end.state === 'exited' ? (end.signal ?? `exit code ${end.code}`) : end.why;

async function load(data: string, { config: file, set, engine }: ExecOptions): Promise<LoadedConfig> {
  const loaded = await loadConfig({
    ...(file !== undefined && { file }),
    ...{ listen: anyPort, data, set: set ?? [], env: process.env, cwd: currentFolder() },
  });
  return { ...loaded, config: { ...execConfig(loaded.config, engine), store: { kind: 'none' } } };
}
