// A holder in a message for people: who it is, whose, since when.
import type { Holder, VisibleHolder } from './holder.ts';

/** Of a marker, as the journal of this gateway knows it. */
export type Kinship =
  /** An engine of this gateway. */
  | { readonly state: 'live'; readonly engine: string }
  /** An instance of this gateway has ended and has left it behind. */
  | { readonly state: 'ended'; readonly engine: string | null }
  /** Of an earlier gateway of this data directory. */
  | { readonly state: 'earlier' }
  | { readonly state: 'stranger' };

export type Whose = (marker: string) => Kinship;

const nobodysKin: Whose = () => ({ state: 'stranger' });

/** `pid 4711 (python3 -m http.server 8080), user anna, up 3 h 12 min; not one of greenroom's` */
export function describeHolder(holder: Holder, whose: Whose = nobodysKin): string {
  if (holder.state === 'hidden') {
    const who = holder.user === null ? 'a process' : `a process of user ${userText(holder)}`;
    const why =
      holder.why === 'other_user'
        ? "pid not visible: it is another user's"
        : 'pid not visible: it runs in another pid namespace, a container most likely';
    return `${who}, ${why}`;
  }
  const { pid, command, user, ageMs } = holder;
  const parts = [
    `pid ${pid} (${command})`,
    user !== null && `user ${user}`,
    ageMs !== null && `up ${spokenAge(ageMs)}`,
  ];
  return `${parts.filter(Boolean).join(', ')}; ${kinshipText(holder, whose)}`;
}

/** `12 s`, `5 min`, `3 h 12 min`, `2 d 4 h`. */
export function spokenAge(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const [minutes, hours, days] = [60, 3600, 86_400].map((each) => Math.floor(seconds / each));
  if (!minutes) return `${seconds} s`;
  if (!hours) return `${minutes} min`;
  const two = (large: number, small: number, units: readonly [string, string]) =>
    small === 0 ? `${large} ${units[0]}` : `${large} ${units[0]} ${small} ${units[1]}`;
  return days ? two(days, hours % 24, ['d', 'h']) : two(hours, minutes % 60, ['h', 'min']);
}

function kinshipText({ pid, mark, serves }: VisibleHolder, whose: Whose): string {
  if (pid === process.pid) return 'this gateway itself';
  if (serves !== undefined) return `a greenroom gateway, of the data directory ${serves}`;
  if (mark.state === 'unreadable') return "whether it is one of greenroom's cannot be seen";
  if (mark.state === 'none') return "not one of greenroom's";
  const kinship = whose(mark.marker);
  const instance = `(instance ${mark.marker})`;
  switch (kinship.state) {
    case 'live':
      return `engine ${kinship.engine} of this gateway`;
    case 'ended':
      return `left behind by ${kinship.engine ? `engine ${kinship.engine}` : 'an engine'} ${instance}`;
    case 'earlier':
      return `an engine of an earlier greenroom ${instance}`;
    case 'stranger':
      return `an engine of another greenroom ${instance}`;
  }
}

const userText = ({ uid, user }: { readonly uid: number | null; readonly user: string | null }): string =>
  user === String(uid) ? `${uid}` : `${user} (uid ${uid})`;
