// Why nobody listens where a program was to listen, as far as that can be seen from outside.
import type { RunEngineConfig } from '../../config/types.ts';
import { placeText } from '../host/socket-tables.ts';
import type { Place } from './place.ts';

/** `nobody listened at 127.0.0.1:4123; pid 12 of it listens at 0.0.0.0:8000; its command has no ${port}, ...`. */
export async function unheardText(config: RunEngineConfig, place: Place, marker: string): Promise<string> {
  const { listeningOf } = await import('../host/listening-of.ts');
  const elsewhere = (await listeningOf(marker)).map(({ pid, at }) => `pid ${pid} of it listens at ${at}`);
  const { address } = place;
  const where = 'socketPath' in address ? address.socketPath : placeText(address.host, address.port);
  return [`nobody listened at ${where}`, ...elsewhere, ...lacking(config, place)].join('; ');
}

/** What would tell it where. A fixed port may stand there as it is. */
function lacking({ run, env, port }: RunEngineConfig, place: Place): readonly string[] {
  const [names, variable] = place.port === null ? [['socket'], 'SOCKET'] : [['port', 'address'], 'PORT'];
  const written = [...run, ...Object.values(env).filter((value) => typeof value === 'string')];
  const told = names.some((name) => written.some((text) => text.includes(`\${${name}}`)));
  if (told || (typeof port === 'number' && run.some((argument) => argument.includes(String(port)))))
    return [];
  return [`its command has no \${${names[0]}}, so that only ${variable} in its environment tells it`];
}
