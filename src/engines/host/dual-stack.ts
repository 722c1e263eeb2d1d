// Whether a listener on every IPv6 address takes IPv4 as well: no table tells, so it is asked, with a connection that
// ends at once. It cannot change its mind, so it is asked once.
import { connect } from 'node:net';
import { systemClock } from '../../lifecycle/clock.ts';

const answers = new Map<string, boolean>();
const answersMax = 256;
const answerMs = 500;

/** @param id of the socket, such as its inode */
export async function takesIpv4(
  id: string,
  address: { readonly host: string; readonly port: number },
): Promise<boolean> {
  const before = answers.get(id);
  if (before !== undefined) return before;
  const taken = await isTaken(address);
  const [oldest] = answers.keys();
  if (answers.size >= answersMax && oldest !== undefined) answers.delete(oldest);
  answers.set(id, taken);
  return taken;
}

/** Only a refusal says that nobody is there: one that is busy lets us wait. */
function isTaken(address: { readonly host: string; readonly port: number }): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(address);
    const end = (taken: boolean) => {
      timer.cancel();
      socket.destroy();
      resolve(taken);
    };
    const timer = systemClock.after(answerMs, () => end(true));
    socket.once('connect', () => end(true));
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code !== 'ECONNREFUSED'));
  });
}
