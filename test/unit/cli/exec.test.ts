// What `exec` starts, and what its command finds in its environment.
import { expect, test } from 'vitest';
import { execEnvironment } from '../../../src/cli/exec/environment.ts';
import { execConfig } from '../../../src/cli/exec/plan.ts';
import { loadConfig } from '../../../src/config/load.ts';
import type { EngineStatus } from '../../../src/engines/status.ts';
import { testFolder } from '../../support/folder.ts';

const engine = (name: string, address: string | null) => ({ name, address }) as EngineStatus;

test('each engine has its variables; what listens on a socket or nowhere has no direct one', () => {
  const engines = [
    engine('my-llm.7b', 'http://127.0.0.1:20001'),
    engine('ears', 'unix:/run/ears.sock'),
    engine('voice', null),
  ];
  const inherited = { PATH: '/bin', GREENROOM_INSTANCE: 'of somebody else' };
  const place = { url: 'http://127.0.0.1:7460', engines, token: 'call', adminToken: undefined };
  expect(execEnvironment(inherited, place)).toEqual({
    PATH: '/bin',
    GREENROOM_URL: 'http://127.0.0.1:7460',
    GREENROOM_OPENAI_BASE_URL: 'http://127.0.0.1:7460/v1',
    GREENROOM_TOKEN: 'call',
    GREENROOM_ENGINE_MY_LLM_7B_URL: 'http://127.0.0.1:7460/engines/my-llm.7b',
    GREENROOM_ENGINE_MY_LLM_7B_DIRECT_URL: 'http://127.0.0.1:20001',
    GREENROOM_ENGINE_EARS_URL: 'http://127.0.0.1:7460/engines/ears',
    GREENROOM_ENGINE_VOICE_URL: 'http://127.0.0.1:7460/engines/voice',
  });
});

test('named engines are all there is, and start; pipelines that need another are left out, with their aliases', async () => {
  await using folder = await testFolder();
  const pipeline = { kind: 'echo', speak: 'voice', vad: 'activity' };
  await folder.write(
    'greenroom.json',
    JSON.stringify({
      engines: {
        voice: { builtin: 'flite', start: 'lazy' },
        activity: { builtin: 'silero' },
        other: { run: ['x'] },
      },
      pipelines: { default: { ...pipeline, needs: ['other'] }, small: pipeline },
      aliases: { 'gpt-*': 'default', 'tiny-*': 'small' },
    }),
  );
  const { config } = await loadConfig({ cwd: folder.path, env: {} });
  expect(execConfig(config, undefined)).toBe(config);
  const only = execConfig(config, ['voice', 'activity']);
  expect(Object.values(only.engines).map(({ name, start }) => [name, start])).toEqual([
    ['voice', 'eager'],
    ['activity', 'eager'],
  ]);
  expect(Object.keys(only.pipelines)).toEqual(['small']);
  expect(only.defaultPipeline).toBe('small');
  expect(only.aliases).toEqual([{ glob: 'tiny-*', pipeline: 'small' }]);
  expect(() => execConfig(config, ['vioce'])).toThrow(
    'no engine is named "vioce"; there are: voice, activity, other',
  );
});
