// The tracks of a WebM (RFC 9559, 5.1.4): which of them is the Opus that we read. Pure.
import { ascii, checkNumber, elementsIn, unsigned, WebmError } from './ebml.ts';
import { elementIds as ids } from './element-ids.ts';
import { type OpusHead, opusHead } from './opus-head.ts';

interface Entry {
  readonly atByte: number;
  number: number;
  type: number;
  codec: string;
  header: { readonly body: Uint8Array; readonly atByte: number } | undefined;
  encoding: 'none' | 'encoded';
}

const audio = 2;
/** In a message. */
const namedMax = 8;

/** The first one. Throws WebmError with what there is otherwise. */
export function opusTrack(
  tracks: Uint8Array,
  atByte: number,
): { readonly number: number; readonly head: OpusHead } {
  const entries: Entry[] = [];
  for (const element of elementsIn(tracks, atByte))
    if (element.id === ids.trackEntry) entries.push(entryOf(element.body, element.atByte));
  const opus = entries.find(({ type, codec }) => type === audio && codec === 'A_OPUS');
  if (!opus) {
    const some = entries.slice(0, namedMax).map(({ codec }) => JSON.stringify(codec));
    const there = [...some, ...(entries.length > namedMax ? [`${entries.length - namedMax} more`] : [])].join(
      ', ',
    );
    throw new WebmError(atByte, `a track with codec A_OPUS expected, found ${there === '' ? 'none' : there}`);
  }
  if (opus.encoding === 'encoded')
    throw new WebmError(opus.atByte, 'its Opus is compressed or encrypted once more (ContentEncodings)');
  if (!opus.header) throw new WebmError(opus.atByte, 'its Opus has no OpusHead (CodecPrivate)');
  return { number: opus.number, head: opusHead(opus.header.body, opus.header.atByte) };
}

function entryOf(body: Uint8Array, atByte: number): Entry {
  const entry: Entry = { atByte, number: 0, type: 0, codec: '', header: undefined, encoding: 'none' };
  for (const { id, body: value, atByte: at } of elementsIn(body, atByte + 1)) {
    if (id === ids.trackNumber || id === ids.trackType) checkNumber('an element', value.length, at);
    if (id === ids.trackNumber) entry.number = unsigned(value);
    if (id === ids.trackType) entry.type = unsigned(value);
    if (id === ids.codecId) entry.codec = ascii(value);
    if (id === ids.codecPrivate) entry.header = { body: value, atByte: at };
    if (id === ids.contentEncodings) entry.encoding = 'encoded';
  }
  return entry;
}
