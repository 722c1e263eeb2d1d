// The door that a configuration wants: opened, with its certificate.
import type { Config } from '../config/types.ts';
import { readContext } from './certificate.ts';
import { Door, type DoorSecurity } from './door.ts';

export const securityOf = ({ tls }: Pick<Config, 'tls'>): DoorSecurity => (tls ? 'tls' : 'plain');

/** Throws `listen_failed` or `tls_unusable`; nothing is left then. */
export async function openDoor(config: Pick<Config, 'listen' | 'tls'>): Promise<Door> {
  const door = new Door(securityOf(config));
  await door.listen(config.listen);
  try {
    await secureDoor(door, config);
    return door;
  } catch (error) {
    await door.close();
    throw error;
  }
}

/** Gives a door with TLS its certificate. Throws `tls_unusable`. */
export async function secureDoor(door: Door, { tls }: Pick<Config, 'tls'>): Promise<void> {
  if (tls) door.secure(await readContext(tls));
}
