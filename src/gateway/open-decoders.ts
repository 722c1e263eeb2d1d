// What decodes audio for all sessions and recordings, in a thread that is started when somebody needs it.
import { Decoders } from '../audio/decoding/decoders.ts';
import { shippedFile } from '../engines/locate.ts';
import type { Scope } from '../lifecycle/scope.ts';

/** @param scope closes it, after those who use it */
export function openDecoders(scope: Scope): Decoders {
  const decoders = new Decoders({ file: shippedFile('decoding') });
  scope.defer('decoders', () => decoders.close());
  return decoders;
}
