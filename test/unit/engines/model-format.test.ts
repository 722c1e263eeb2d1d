import { describe, expect, test } from 'vitest';
import { formatOf } from '../../../src/engines/model-format.ts';
import { changeOf } from '../../../src/engines/model-look.ts';

function gguf(version = 3): Buffer {
  const head = Buffer.alloc(512);
  head.write('GGUF');
  head.writeUInt32LE(version, 4);
  head.writeBigUInt64LE(291n, 8);
  return head;
}

const safetensors = Buffer.concat([
  Buffer.from([0x40, 0x1f, 0, 0, 0, 0, 0, 0]),
  Buffer.from('{"__metadata__":{"format":"pt"}'),
]);

describe('a file is known by its first bytes', () => {
  test('as GGUF, with its version', () => {
    expect(formatOf(gguf())).toMatchObject({ format: 'gguf', what: 'a GGUF file, version 3' });
  });

  test.each<[Buffer | string, string, RegExp]>([
    ['<!DOCTYPE html><html lang="en">', 'an HTML page', /download it again/],
    ['\n  <html>\n<head><title>429', 'an HTML page', /download/],
    [
      'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a',
      'a git-lfs pointer, not the file itself',
      /git lfs pull/,
    ],
    ['{"error":"Repository not found"}', 'a JSON text', /download/],
    ['<?xml version="1.0"?><Error>', 'an XML text', /download/],
    [Buffer.from('504b03041400', 'hex'), 'a zip archive, as PyTorch writes its checkpoints', /convert/],
    [safetensors, 'a safetensors file', /convert/],
    [Buffer.from('1f8b0800', 'hex'), 'a gzip archive', /unpack/],
    [Buffer.from('tjgg\u0003\0\0\0'), 'a GGML file from before GGUF', /convert/],
    [Buffer.alloc(512), 'zeros alone: a download that has not come so far', /download/],
    [gguf(0x0300_0000), 'a GGUF file for machines of the other byte order', /convert/],
    [gguf().subarray(0, 10), 'the first 10 bytes of a GGUF file', /download/],
    [Buffer.from([1, 0xab, 3]), 'something that begins with 01 ab 03', /GGUF/],
    ['hello', 'something that begins with 68 65 6c 6c', /GGUF/],
  ])('as something else: %#', (head, what, next) => {
    const found = formatOf(Buffer.from(head as string));
    expect(found).toMatchObject({ format: 'other', what });
    expect(found.next).toMatch(next);
  });
});

describe('a model that changed since its start', () => {
  const facts = { dev: 1, ino: 2, sizeBytes: 100, changedMs: 5 };

  test.each([
    [facts, undefined],
    [undefined, 'is gone'],
    [{ ...facts, ino: 3 }, 'was replaced by another file'],
    [{ ...facts, dev: 3, sizeBytes: 1 }, 'was replaced by another file'],
    [{ ...facts, sizeBytes: 7, changedMs: 9 }, 'has shrunk from 100 to 7 bytes'],
    [{ ...facts, sizeBytes: 700 }, 'has grown from 100 to 700 bytes'],
    [{ ...facts, changedMs: 6 }, 'was written to'],
  ])('%#', (now, change) => {
    expect(changeOf(facts, now)).toBe(change);
  });
});
