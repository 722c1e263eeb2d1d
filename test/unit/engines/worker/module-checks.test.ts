import { describe, expect, test } from 'vitest';
import type { EngineModule, LoadedEngine } from '../../../../src/engines/contract.ts';
import { checkLoaded, importEngine } from '../../../../src/engines/worker/module-checks.ts';
import { testFolder } from '../../../support/folder.ts';

describe('a module', () => {
  test.each([
    ['export const load = 1;', 'it has no default export'],
    ['export default 42;', 'it has no default export'],
    ['export default { contract: 2 };', 'contract 2 is not known; this gateway speaks contract 1'],
    ['export default { contract: 1 };', '`offers` names no capability'],
    ['export default { contract: 1, offers: [] };', '`offers` names no capability'],
    ["export default { contract: 1, offers: ['fly'] };", 'it offers fly; what an engine can offer is chat, '],
    ["export default { contract: 1, offers: ['speak'] };", '`load` is not a function'],
    [
      "export default { contract: 1, offers: ['speak'], concurrency: NaN, load() {} };",
      '`concurrency` is NaN, not a whole number from 1',
    ],
    [
      "export default { contract: 1, offers: ['speak'], concurrency: 0, load() {} };",
      '`concurrency` is 0, not a whole number from 1',
    ],
    ["throw new Error('top level');", 'top level'],
  ])('%s is refused: %s', async (source, message) => {
    await using folder = await testFolder();
    const path = await folder.write('engine.mjs', source);
    await expect(importEngine(path)).rejects.toThrow(message);
  });

  test('that fits is taken as it is', async () => {
    await using folder = await testFolder();
    const path = await folder.write(
      'engine.mjs',
      "export default { contract: 1, offers: ['speak'], load: () => ({}) };",
    );
    expect(await importEngine(path)).toMatchObject({ contract: 1, offers: ['speak'] });
  });
});

describe('what load gave', () => {
  const engine: EngineModule = { contract: 1, offers: ['speak', 'vad'], load: () => ({}) };

  test.each<[unknown, string]>([
    [undefined, 'load() gave no object'],
    [null, 'load() gave no object'],
    [{}, 'it offers speak, vad, but load() gave no such function'],
    [{ speak: () => undefined }, 'it offers vad, but load() gave no such function'],
  ])('%o is refused: %s', (loaded, message) => {
    expect(() => checkLoaded(engine, loaded as LoadedEngine)).toThrow(message);
  });
});
