// The door that a configuration wants: opened, with its certificate.
import { constants } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { Config, TlsConfig } from '../config/types.ts';
import { GreenroomError, messageOf } from '../lifecycle/errors.ts';
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

async function readContext({ cert, key }: TlsConfig): Promise<SecureContext> {
  const [certPem, keyPem] = await Promise.all([readPem(cert, 'tls.cert'), readPem(key, 'tls.key')]);
  try {
    return createSecureContext({
      cert: certPem,
      key: keyPem,
      minVersion: 'TLSv1.2',
      // TLS 1.2 lets a client ask for handshake after handshake, each of which costs us more than it.
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    });
  } catch (cause) {
    const said = messageOf(cause);
    const why = /values mismatch/i.test(said)
      ? 'the key is not that of the certificate'
      : /no start line/i.test(said)
        ? 'one of them is no PEM file of its kind (are they swapped?)'
        : said;
    throw new GreenroomError('tls_unusable', `tls: ${cert} and ${key} cannot be used: ${why}`, { cause });
  }
}

async function readPem(path: string, key: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new GreenroomError('tls_unusable', `${key}: ${path} cannot be read: ${messageOf(cause)}`, {
      cause,
    });
  }
}
