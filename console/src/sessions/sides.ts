// The sounds of a recording: the caller's, in the pieces that it came in, and the answers. Pure.
import type { TakeFacts, Track } from '../../../src/recordings/facts.ts';

export interface Side {
  readonly label: string;
  readonly url: string;
  /** Of the file that somebody saves. */
  readonly file: string;
  readonly track: Track;
}

/** Those with nothing in them are left out. */
export function sidesOf({ id, caller, callerMore, assistant }: TakeFacts): readonly Side[] {
  const callers = [caller, ...callerMore].map((track, at) => ({
    ...{
      label: at === 0 ? 'caller' : `caller, piece ${at + 1}`,
      track,
      query: `part=caller&piece=${at + 1}`,
    },
  }));
  const path = id.split('/').map(encodeURIComponent).join('/');
  return [...callers, { label: 'assistant', track: assistant, query: 'part=assistant' }]
    .filter(({ track }) => track.samples > 0)
    .map(({ label, track, query }) => ({
      ...{ label, track, url: `/api/recordings/${path}/audio?${query}` },
      file: `${id.replace('/', '-')}-${label.replace(', piece ', '-')}.${track.container}`,
    }));
}
