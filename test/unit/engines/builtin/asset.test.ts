import { mkdtempDisposableSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { readAsset } from '../../../../src/engines/builtin/asset.ts';

describe('the data files of built-in engines', () => {
  test('are taken from beside the engine first, in a folder of any name', async () => {
    using folder = mkdtempDisposableSync(join(tmpdir(), 'greenroom asset ü%-'));
    writeFileSync(join(folder.path, 'model.onnx'), 'beside');
    const besideUrl = pathToFileURL(join(folder.path, 'engine.js')).href;
    const bytes = await readAsset({ besideUrl, name: 'model.onnx', packaged: 'some/model.onnx' });
    expect(new TextDecoder().decode(bytes)).toBe('beside');
  });

  test('one that is nowhere is told with the places', async () => {
    const asset = { besideUrl: 'file:///nowhere/builtin/x.js', name: 'x.wasm', packaged: 'pkg/x.wasm' };
    await expect(readAsset(asset)).rejects.toThrow(
      /x\.wasm is missing: looked for .*nowhere.*x\.wasm and .*pkg/,
    );
  });
});
