// A misspelt fault would be none, and the test that asked for it would test nothing.
import { expect, test } from 'vitest';
import { type SlowWatcherOptions, slowWatcher, startGateway } from '../../../../src/testing/index.ts';

const url = 'http://127.0.0.1:9';

test.each<[object, string]>([
  [{}, 'url: expected an http: or https: URL, got undefined'],
  [{ url: '127.0.0.1:9' }, 'url: expected an http: or https: URL'],
  [{ url, how: 'stuck' }, 'how: expected one of well, stalled, never-ponging, vanishing'],
  [{ url, how: { bytesPerSecond: 0 } }, 'how: expected one of well'],
  [{ url, topic: ['a'] }, 'topic: unknown; there are url, topics'],
  [{ url, topics: 'a.>' }, 'topics: expected a list of strings, got "a.>"'],
  [{ url, transport: 'ws' }, 'transport: expected "websocket" or "sse", got "ws"'],
  [{ url, transport: 'sse', how: 'never-ponging' }, 'how: "never-ponging" needs pings'],
])('slowWatcher(%j) says: %s', async (options, message) => {
  await expect(slowWatcher(options as SlowWatcherOptions)).rejects.toMatchObject({
    code: 'bad_usage',
    message: expect.stringContaining(message),
  });
});

test('startGateway takes no option that it does not have', async () => {
  await expect(startGateway({ confg: {} } as object)).rejects.toMatchObject({
    code: 'bad_usage',
    message: 'confg: unknown; there are config, env, readyMs',
  });
});
