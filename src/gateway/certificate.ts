// The certificate of the door and its key: read, found to belong together, and looked at for what clients will say to it.
import { constants, X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { TlsConfig } from '../config/types.ts';
import { GreenroomError, messageOf } from '../lifecycle/errors.ts';

/** A chain of a few certificates has some kilobytes. */
const pemBytesMax = 1024 * 1024;

/** Throws `tls_unusable`. */
export async function readContext({ cert, key }: TlsConfig): Promise<SecureContext> {
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
    const why = reason(messageOf(cause), keyPem);
    throw new GreenroomError('tls_unusable', `tls: ${cert} and ${key} cannot be used: ${why}`, { cause });
  }
}

/** Of one that can be used: why clients will turn away from it all the same. Empty when they will not, or nobody knows. */
export async function certificateWarnings(
  tls: TlsConfig | undefined,
  nowMs: number,
): Promise<readonly string[]> {
  if (!tls) return [];
  try {
    const { validFrom, validTo } = new X509Certificate(await readPem(tls.cert, 'tls.cert'));
    const next = 'clients will refuse it; renew it, and start again';
    if (Date.parse(validTo) <= nowMs) return [`tls.cert: ${tls.cert} has expired (${validTo}): ${next}`];
    if (Date.parse(validFrom) > nowMs)
      return [`tls.cert: ${tls.cert} is not valid before ${validFrom}: ${next}, or set the clock right`];
    return [];
  } catch {
    // It was good enough a moment ago: whatever it is now, nobody is refused for it.
    return [];
  }
}

function reason(said: string, keyPem: Buffer): string {
  if (/values mismatch/i.test(said)) return 'the key is not that of the certificate';
  if (keyPem.includes('ENCRYPTED')) return 'the key is encrypted; one without a passphrase is needed';
  if (/no start line/i.test(said)) return 'one of them is no PEM file of its kind (are they swapped?)';
  if (/bad (?:end line|base64)|too (?:short|long)|wrong tag/i.test(said))
    return 'one of them is cut off or damaged';
  if (/key too small/i.test(said)) return 'the key is too small: 2048 bits of RSA are the least';
  return said;
}

async function readPem(path: string, key: string): Promise<Buffer> {
  try {
    // A pipe or a device might be read for ever.
    const stats = await stat(path);
    if (!stats.isFile() || stats.size > pemBytesMax) throw new Error('it is no PEM file');
    return await readFile(path);
  } catch (cause) {
    throw new GreenroomError('tls_unusable', `${key}: ${path} cannot be read: ${messageOf(cause)}`, {
      cause,
    });
  }
}
