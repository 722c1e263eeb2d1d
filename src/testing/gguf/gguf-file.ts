// Writes GGUF, version 3: the header, the metadata, the table of tensors, and their data, each aligned.
// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
import { Bytes } from './bytes.ts';

export type MetadataValue =
  | { readonly type: 'u32' | 'i32' | 'f32'; readonly value: number }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'i32[]' | 'f32[]'; readonly value: readonly number[] }
  | { readonly type: 'string[]'; readonly value: readonly string[] };

/** Row-major data of a tensor; `shape` is as ggml has it, the length of a row first. */
export interface Tensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** Float16 for the large ones, Float32 for norms: llama.cpp wants those so. */
  readonly data: Float16Array | Float32Array;
}

export interface GgufFile {
  readonly metadata: Readonly<Record<string, MetadataValue>>;
  readonly tensors: readonly Tensor[];
}

/** Of the data section and of every tensor in it; the default of the format. */
const alignment = 32;

const version = 3;
const valueTypes = { u32: 4, i32: 5, f32: 6, bool: 7, string: 8, array: 9 } as const;
const ggmlTypes = { f32: 0, f16: 1 } as const;

/** The whole file. The same input gives the same bytes. */
export function ggufFile({ metadata, tensors }: GgufFile): Uint8Array<ArrayBuffer> {
  const out = new Bytes();
  const pairs = Object.entries(metadata);
  out.text('GGUF').u32(version).u64(tensors.length).u64(pairs.length);
  for (const [key, value] of pairs) {
    string(out, key);
    metadataValue(out, value);
  }
  let offset = 0;
  for (const { name, shape, data } of tensors) {
    if (shape.reduce((product, length) => product * length, 1) !== data.length)
      throw new Error(`tensor ${name} is ${shape.join(' x ')}, and has ${data.length} values`);
    string(out, name);
    out.u32(shape.length);
    for (const length of shape) out.u64(length);
    out.u32(data instanceof Float32Array ? ggmlTypes.f32 : ggmlTypes.f16).u64(offset);
    offset = aligned(offset + data.byteLength);
  }
  for (const { data } of tensors) {
    out.align(alignment);
    out.raw(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return out.align(alignment).whole();
}

function metadataValue(out: Bytes, given: MetadataValue): void {
  switch (given.type) {
    case 'u32':
    case 'i32':
    case 'f32':
      out.u32(valueTypes[given.type])[given.type](given.value);
      break;
    case 'bool':
      out.u32(valueTypes.bool).u8(Number(given.value));
      break;
    case 'string':
      string(out.u32(valueTypes.string), given.value);
      break;
    case 'string[]':
      array(out, 'string', given.value.length);
      for (const text of given.value) string(out, text);
      break;
    case 'i32[]':
      array(out, 'i32', given.value.length);
      for (const number of given.value) out.i32(number);
      break;
    case 'f32[]':
      array(out, 'f32', given.value.length);
      for (const number of given.value) out.f32(number);
      break;
  }
}

function array(out: Bytes, of: keyof typeof valueTypes, length: number): void {
  out.u32(valueTypes.array).u32(valueTypes[of]).u64(length);
}

function string(out: Bytes, text: string): void {
  const bytes = Buffer.from(text, 'utf8');
  out.u64(bytes.length).raw(bytes);
}

const aligned = (offset: number): number => Math.ceil(offset / alignment) * alignment;
