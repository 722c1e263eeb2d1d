// Who has a port that an engine is to have, in words and as facts. Who was left behind by an engine of ours is ended;
// nobody else is ever touched.
import { describeHolder } from '../host/describe.ts';
import type { Holder } from '../host/holder.ts';
import { listeners } from '../host/listeners.ts';
import type { Left } from '../journal.ts';

export interface PortHolders {
  /** `free`: nobody has it now. `reaped`: whoever had it was left behind, and is gone. */
  readonly state: 'free' | 'reaped' | 'held' | 'unknown';
  /** Who it is, and the next step. */
  readonly text: string;
  readonly holders: readonly HolderFacts[];
}

interface HolderFacts {
  readonly pid: number | null;
  readonly command: string | null;
  readonly user: string | null;
  readonly ageMs: number | null;
}

const elsewhere = 'use another port, or `port: auto`';

export async function portHolders(
  address: { readonly host: string; readonly port: number },
  left: Left | undefined,
): Promise<PortHolders> {
  const found = await listeners(address);
  const byHand = `\`lsof -nP -i :${address.port}\` names the holder`;
  if (found.state === 'unknown')
    return { state: 'unknown', text: `${found.why}; ${byHand}; end it, or ${elsewhere}`, holders: [] };
  const all = [...found.answering, ...found.barring];
  const holders = all.flatMap((listener) => listener.holders);
  const facts = holders.map(factsOf);
  if (holders.length === 0) {
    const text = `nobody can be seen who listens there; as root, ${byHand}; ${elsewhere}`;
    return { state: 'free', text, holders: [] };
  }
  if (left && (await reapAll(holders, left)))
    return {
      state: 'reaped',
      text: `what an engine had left behind has ended, but ${elsewhere}`,
      holders: facts,
    };
  const texts = all.map(({ how, holders: each }) => {
    const text = each.map((holder) => describeHolder(holder, left?.whose)).join(' and ');
    return how === 'connects' ? `a connection has it, of ${text}` : text;
  });
  const next = holders.every(({ state }) => state === 'visible') ? 'end it' : `as root, ${byHand}`;
  return { state: 'held', text: `${texts.join('; ')}; ${next}, or ${elsewhere}`, holders: facts };
}

/** Only where that leaves nobody: half of it would help nobody. */
async function reapAll(holders: readonly Holder[], left: Left): Promise<boolean> {
  const visible = holders.filter((holder) => holder.state === 'visible');
  if (visible.length < holders.length || !visible.every((holder) => left.isLeft(holder))) return false;
  const outcomes = await Promise.all(visible.map((holder) => left.reap(holder)));
  return outcomes.every((outcome) => outcome === 'gone');
}

function factsOf(holder: Holder): HolderFacts {
  if (holder.state === 'hidden') return { pid: null, command: null, user: holder.user, ageMs: null };
  const { pid, command, user, ageMs } = holder;
  return { pid, command, user, ageMs };
}
