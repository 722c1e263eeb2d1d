// Who has the address that a door wanted. Looked up once that has failed, and imported then.
import { describeHolder } from '../engines/host/describe.ts';
import { listeners } from '../engines/host/listeners.ts';
import { stopCommand } from './data-directory.ts';

/** Who it is, and how to stop it; undefined where nobody can be seen. Never throws. */
export async function addressHolder(address: {
  readonly host: string;
  readonly port: number;
}): Promise<string | undefined> {
  const found = await listeners(address);
  if (found.state === 'unknown') return undefined;
  const holders = [...found.answering, ...found.barring].flatMap((listener) => listener.holders);
  if (holders.length === 0) return undefined;
  const served = holders.flatMap((holder) => (holder.state === 'visible' && holder.serves) || []);
  const [directory] = served;
  const stop = directory === undefined ? 'stop it' : `stop it with \`${stopCommand(directory)}\``;
  return `${holders.map((holder) => describeHolder(holder)).join(' and ')}; ${stop}`;
}
