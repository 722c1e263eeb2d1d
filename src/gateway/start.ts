// Opens a gateway in somebody else's process: the door first, then everything behind it.
import { type LoadOptions, loadConfig } from '../config/load.ts';
import { GreenroomError } from '../lifecycle/errors.ts';
import { certificateWarnings } from './certificate.ts';
import { Gateway } from './gateway.ts';
import { openDoor } from './open-door.ts';

export type StartOptions = Partial<LoadOptions>;

const known: readonly string[] = ['file', 'set', 'listen', 'data', 'env', 'cwd'];

/**
 * Starts a gateway and resolves when its door is open; engines load behind it (`gateway.whenReady()`).
 * Installs no signal handlers: call `gateway.close()`, or use `await using`.
 *
 * @param options as for the command line: `file`, `set`, `listen` (`127.0.0.1:0` picks a free port), `data`; `env` and
 *   `cwd` default to those of the process
 * @throws GreenroomError `config_invalid`, `listen_failed`, `data_directory_locked` and the like; nothing is left then
 */
export async function startGateway(options: StartOptions = {}): Promise<Gateway> {
  const unknown = Object.keys(options).filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    const message = `startGateway has no option ${unknown.join(', ')}; there are ${known.join(', ')} (configuration keys go into a file or \`set\`)`;
    throw new GreenroomError('bad_usage', message);
  }
  const load = () => loadConfig({ env: process.env, cwd: process.cwd(), ...options });
  const loaded = await load();
  const door = await openDoor(loaded.config);
  const { config, secrets } = loaded;
  const gateway = await Gateway.open({ door, config, secrets, reload: load });
  for (const warning of await certificateWarnings(loaded.config.tls, Date.now())) gateway.warn(warning);
  return gateway;
}
