// Whether the door and the engines can listen where they should, and who has their place.
import { formatListen } from '../../config/listen.ts';
import type { Config, RunEngineConfig } from '../../config/types.ts';
import { describeHolder } from '../../engines/host/describe.ts';
import type { Holder } from '../../engines/host/holder.ts';
import { listeners } from '../../engines/host/listeners.ts';
import type { LocalAddress } from '../../engines/host/socket-tables.ts';
import { tryBind } from '../../engines/process/ports.ts';
import { Door } from '../../gateway/door.ts';
import { listenFailure } from '../../gateway/listen-failure.ts';
import { secureDoor, securityOf } from '../../gateway/open-door.ts';
import { messageOf } from '../../lifecycle/errors.ts';
import { type Check, ok, problem, warning } from './check.ts';
import type { Past } from './past.ts';

export async function checkDoor(config: Config, past: Past): Promise<readonly Check[]> {
  return [await checkListen(config, past), ...(config.tls ? [await checkCertificate(config)] : [])];
}

async function checkListen({ listen }: Config, past: Past): Promise<Check> {
  const facts = { check: 'door', engine: null };
  const where = formatListen(listen);
  const { host, port } = listen;
  const error = await tryBind(host, port);
  if (!error) return ok(facts, port === 0 ? `${host}, on any port that is free` : `${where} is free`);
  if (error.code !== 'EADDRINUSE') return problem(facts, listenFailure(error, host, port).message, null);
  const holders = await holdersOf(listen);
  if (holders.some((holder) => holder.state === 'visible' && holder.pid === past.pid))
    return ok(facts, `the gateway of this data directory, pid ${past.pid}, listens on ${where}`);
  return problem(
    facts,
    `${where} is taken: ${textOf(holders, past)}`,
    'end it, or choose another with --listen',
  );
}

async function checkCertificate(config: Config): Promise<Check> {
  const facts = { check: 'certificate', engine: null };
  const door = new Door(securityOf(config));
  try {
    await secureDoor(door, config);
    return ok(facts, `${config.tls?.cert} and its key can be used`);
  } catch (error) {
    return problem(facts, messageOf(error), null);
  } finally {
    await door.close();
  }
}

export async function checkPlace(engine: RunEngineConfig, past: Past): Promise<readonly Check[]> {
  const { host, port, socket, name } = engine;
  if (socket === 'auto') return [];
  if (socket !== undefined) return [await checkSocket(name, socket, past)];
  return port === 'auto' ? [] : [await checkPort(name, { host, port }, past)];
}

async function checkPort(
  engine: string,
  address: { readonly host: string; readonly port: number },
  past: Past,
): Promise<Check> {
  const facts = { check: 'port', engine };
  const where = formatListen(address);
  const error = await tryBind(address.host, address.port);
  if (!error) return ok(facts, `${where} is free`);
  if (error.code !== 'EADDRINUSE')
    return problem(facts, `${where}: ${error.message}`, 'look at `host` and `port`');
  return heldCheck(facts, where, await holdersOf(address), past);
}

async function checkSocket(engine: string, socketPath: string, past: Past): Promise<Check> {
  const facts = { check: 'socket', engine };
  const holders = await holdersOf({ socketPath });
  return holders.length === 0
    ? ok(facts, `${socketPath} is free`)
    : heldCheck(facts, socketPath, holders, past);
}

function heldCheck(
  facts: { readonly check: string; readonly engine: string },
  where: string,
  holders: readonly Holder[],
  past: Past,
): Check {
  const kin = holders.map((holder) =>
    holder.state === 'visible' && holder.mark.state === 'marked' ? past.whose(holder.mark.marker) : undefined,
  );
  const text = textOf(holders, past);
  const ours = kin.every((each) => each?.state === 'live' && each.engine === facts.engine);
  if (holders.length > 0 && ours)
    return ok(facts, `${where} has this engine of the gateway that runs: ${text}`);
  if (holders.length > 0 && kin.every((each) => each?.state === 'earlier'))
    return warning(
      facts,
      `${where} is taken: ${text}`,
      'the next `greenroom up` of this data directory ends it',
    );
  return problem(facts, `${where} is taken: ${text}`, 'end it, or use another port, or `port: auto`');
}

export async function holdersOf(address: LocalAddress): Promise<readonly Holder[]> {
  const found = await listeners(address);
  if (found.state === 'unknown') return [];
  return [...found.answering, ...found.barring].flatMap(({ holders }) => holders);
}

export function textOf(holders: readonly Holder[], { whose }: Past): string {
  if (holders.length === 0) return 'by somebody who cannot be seen from here';
  return holders.map((holder) => describeHolder(holder, whose)).join(' and ');
}
