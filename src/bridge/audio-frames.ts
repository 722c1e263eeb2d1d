// The two frequent frames, fifty a second and caller each way, recognised by their bytes: they pass as the text that came,
// and are not parsed. What does not match from end to end is parsed and judged like everything else.
import { isAscii } from 'node:buffer';
import { type ClientFrame, ServerFrame } from '../wire/text-frame.ts';

const appendHead = '{"type":"input_audio_buffer.append","audio":"';
const appendTail = '"}';
/** What else may stand around it: another order of keys, blanks as Python writes them, an event id. */
const appendForms =
  /^\{\s?(?:"event_id": ?"[\w-]{1,512}", ?)?"type": ?"input_audio_buffer\.append", ?(?:"event_id": ?"[\w-]{1,512}", ?)?"audio": ?"$/;
const headCharsMax = 640;
const notBase64 = /[^A-Za-z0-9+/]/;

/** Bytes of audio in an append that matches the pattern; undefined for every other frame. */
export function appendedBytes(text: string): number | undefined {
  if (!text.endsWith(appendTail)) return undefined;
  let from = appendHead.length;
  if (!text.startsWith(appendHead)) {
    const at = text.slice(0, headCharsMax).search(/"audio": ?"/);
    if (at === -1) return undefined;
    from = text.indexOf('"', at + 7) + 1;
    if (!appendForms.test(text.slice(0, from))) return undefined;
  }
  let to = text.length - appendTail.length;
  if ((to - from) % 4 !== 0) return undefined;
  const chars = to - from;
  let padding = 0;
  while (padding < 2 && to > from && text.charCodeAt(to - 1) === 61) {
    padding += 1;
    to -= 1;
  }
  return notBase64.test(text.slice(from, to)) ? undefined : (chars / 4) * 3 - padding;
}

export function bytesOf(base64: string): number {
  const padding = base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0;
  return Math.max(0, Math.floor((base64.length * 3) / 4) - padding);
}

export interface AudioDelta {
  readonly itemId: string;
  readonly bytes: number;
}

const deltaKey = '"delta":';
/** One flat object: names, and simple texts or numbers. Nothing can hide in it. */
const flat = '(?:"[a-z_]+": ?(?:"[^"\\\\]*"|\\d+))';
const deltaHead = new RegExp(`^\\{\\s?(?:${flat}, ?)*$`);
const deltaTail = new RegExp(`^(?:, ?${flat})*\\s?\\}$`);
const typeHere = /"type": ?"response\.output_audio\.delta"/;
const itemHere = /"item_id": ?"([^"]{1,256})"/;
const partCharsMax = 2048;

/** Upstream's delta of audio, where it is one flat object; undefined for every other frame. */
export function audioDelta(text: string): AudioDelta | undefined {
  const at = text.indexOf(deltaKey);
  if (at === -1 || at > partCharsMax) return undefined;
  const from = text.indexOf('"', at + deltaKey.length) + 1;
  const to = text.indexOf('"', from);
  if (from === 0 || to === -1 || text.length - to > partCharsMax || from - at > deltaKey.length + 2)
    return undefined;
  const head = text.slice(0, at);
  const tail = text.slice(to + 1);
  if (!deltaHead.test(head) || !deltaTail.test(tail)) return undefined;
  const around = head + tail;
  if (!typeHere.test(around)) return undefined;
  const itemId = itemHere.exec(around)?.[1];
  if (itemId === undefined) return undefined;
  const padding = text.charCodeAt(to - 2) === 61 ? 2 : text.charCodeAt(to - 1) === 61 ? 1 : 0;
  return { itemId, bytes: Math.max(0, Math.floor(((to - from) * 3) / 4) - padding) };
}

const appendHeads = [appendHead, appendHead.replaceAll(/([:,])/g, '$1 ')].map((head) => Buffer.from(head));
const quote = 34;
const closing = 125;
const equals = 61;

/** 1 for every pair of bytes that are both of base64, padding left out. */
const base64Pairs = pairsOf(/[A-Za-z0-9+/]/);

function pairsOf(set: RegExp): Uint8Array {
  const is = Uint8Array.from({ length: 256 }, (_, byte) => (set.test(String.fromCharCode(byte)) ? 1 : 0));
  return Uint8Array.from({ length: 65_536 }, (_, pair) => (is[pair & 0xff] ?? 0) & (is[pair >> 8] ?? 0));
}

/** The same of a frame as it came. */
export function appendedIn(frame: ClientFrame): number | undefined {
  let to = frame.length - appendTail.length;
  if (frame.at(to) !== quote || frame.at(to + 1) !== closing) return undefined;
  const from =
    appendHeads.find((head) => frame.startsWith(head))?.length ?? otherHead(frame.head(headCharsMax));
  const chars = to - from;
  if (from === 0 || chars % 4 !== 0) return undefined;
  let padding = 0;
  while (padding < 2 && to > from && frame.at(to - 1) === equals) {
    padding += 1;
    to -= 1;
  }
  return frame.consistsOf(base64Pairs, from, to) ? (chars / 4) * 3 - padding : undefined;
}

/** Where its audio begins; 0 for no append. */
function otherHead(text: string): number {
  const at = text.search(/"audio": ?"/);
  if (at === -1) return 0;
  const from = text.indexOf('"', at + 7) + 1;
  return appendForms.test(text.slice(0, from)) ? from : 0;
}

const deltaKeyBytes = Buffer.from(deltaKey);

export function deltaIn(frame: ServerFrame): AudioDelta | undefined {
  const { bytes } = frame;
  const at = bytes.indexOf(deltaKeyBytes, ServerFrame.headBytes);
  if (at === -1 || at > partCharsMax) return undefined;
  const from = bytes.indexOf(quote, at + deltaKey.length) + 1;
  const to = bytes.indexOf(quote, from);
  if (from === 0 || to === -1 || bytes.length - to > partCharsMax || from - at > deltaKey.length + 2)
    return undefined;
  if (!isAscii(bytes.subarray(ServerFrame.headBytes))) return undefined;
  const head = bytes.toString('latin1', ServerFrame.headBytes, at);
  const tail = bytes.toString('latin1', to + 1, bytes.length);
  if (!deltaHead.test(head) || !deltaTail.test(tail)) return undefined;
  const around = head + tail;
  if (!typeHere.test(around)) return undefined;
  const itemId = itemHere.exec(around)?.[1];
  if (itemId === undefined) return undefined;
  const padding = bytes[to - 2] === equals ? 2 : bytes[to - 1] === equals ? 1 : 0;
  return { itemId, bytes: Math.max(0, Math.floor(((to - from) * 3) / 4) - padding) };
}
