// Reads GGUF, to test what is written: its own reading of the format, shared with nothing.

interface ReadTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: 'f32' | 'f16';
  /** Where its data begins in the file. */
  readonly at: number;
  readonly values: readonly number[];
}

export interface ReadGguf {
  readonly version: number;
  readonly metadata: ReadonlyMap<string, unknown>;
  readonly tensors: readonly ReadTensor[];
  /** Bytes after the last tensor's data. */
  readonly left: number;
}

export function readGguf(file: Uint8Array): ReadGguf {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  let at = 0;
  const u32 = () => view.getUint32((at += 4) - 4, true);
  const u64 = () => Number(view.getBigUint64((at += 8) - 8, true));
  const text = () => {
    const length = u64();
    at += length;
    return new TextDecoder('utf-8', { fatal: true }).decode(file.subarray(at - length, at));
  };
  const value = (type: number): unknown => {
    switch (type) {
      case 4:
        return u32();
      case 5:
        return view.getInt32((at += 4) - 4, true);
      case 6:
        return view.getFloat32((at += 4) - 4, true);
      case 7:
        return view.getUint8((at += 1) - 1) === 1;
      case 8:
        return text();
      case 9: {
        const of = u32();
        return Array.from({ length: u64() }, () => value(of));
      }
      default:
        throw new Error(`value type ${type} at ${at}`);
    }
  };
  if (new TextDecoder().decode(file.subarray(0, 4)) !== 'GGUF') throw new Error('no GGUF');
  at = 4;
  const version = u32();
  const tensorCount = u64();
  const metadata = new Map(Array.from({ length: u64() }, () => [text(), value(u32())] as const));
  const table = Array.from({ length: tensorCount }, () => ({
    name: text(),
    shape: Array.from({ length: u32() }, u64),
    type: u32() === 0 ? ('f32' as const) : ('f16' as const),
    offset: u64(),
  }));
  const start = Math.ceil(at / 32) * 32;
  let end = start;
  const tensors = table.map(({ offset, ...tensor }) => {
    const count = tensor.shape.reduce((product, length) => product * length, 1);
    const size = tensor.type === 'f32' ? 4 : 2;
    const values = Array.from({ length: count }, (_, index) =>
      tensor.type === 'f32'
        ? view.getFloat32(start + offset + index * size, true)
        : view.getFloat16(start + offset + index * size, true),
    );
    end = start + offset + count * size;
    return { ...tensor, at: start + offset, values };
  });
  return { version, metadata, tensors, left: file.byteLength - end };
}
