// Frames of a WebSocket, made and read by hand (RFC 6455, 5.2).

interface FrameFacts {
  readonly opcode: number;
  /** Of a client's; null: not masked. */
  readonly mask: number | null;
  /** Default: true. */
  readonly last?: boolean;
}

export function frameOf(payload: Buffer, { opcode, mask, last = true }: FrameFacts): Buffer {
  const { length } = payload;
  const short = length < 126 ? length : length < 65_536 ? 126 : 127;
  const head = Buffer.alloc(2 + (short === 126 ? 2 : short === 127 ? 8 : 0));
  head[0] = opcode | (last ? 0x80 : 0);
  head[1] = short | (mask === null ? 0 : 0x80);
  if (short === 126) head.writeUInt16BE(length, 2);
  if (short === 127) head.writeBigUInt64BE(BigInt(length), 2);
  if (mask === null) return Buffer.concat([head, payload]);
  const key = Buffer.alloc(4);
  key.writeUInt32BE(mask);
  return Buffer.concat([head, key, masked(payload, key)]);
}

/** The text of a masked frame with a length of two bytes. */
export const unmasked = (frame: Buffer): string => masked(frame.subarray(8), frame.subarray(4, 8)).toString();

const masked = (payload: Buffer, key: Buffer): Buffer =>
  Buffer.from(payload.map((byte, index) => byte ^ (key[index % 4] ?? 0)));
