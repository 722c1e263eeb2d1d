// Whether anything is left of a connection is best told by a process that has nothing else: it ends by itself, or not.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { type FakeBehaviour, fakeGateway, nobodysUrl } from './fake-gateway.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const greeting: FakeBehaviour = { onCall: (call) => call.send({ type: 'session.created', session: {} }) };

/** Runs a page of code that has `connect` and `WsWebSocket`; resolves with what it printed when it has ended. */
async function run(code: string): Promise<string> {
  const preamble = `import { WebSocket as WsWebSocket } from 'ws';
    import { connect } from './src/client/index.ts';
    process.on('exit', (code) => console.log('exit', code));\n`;
  const args = ['--input-type=module', '-e', preamble + code];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root, timeout: 8000 });
  return stdout.trim();
}

describe.each(['undefined', 'WsWebSocket'])('a process ends by itself (socket class %s)', (name) => {
  test('after a connection with listeners, a reader and a close', async () => {
    await using gateway = await fakeGateway(greeting);
    const code = `
      const connection = connect({ url: '${gateway.url}', WebSocket: ${name} });
      connection.on('event', () => undefined);
      void (async () => { for await (const event of connection) console.log(event.type); })();
      await connection.opened;
      for await (const { type } of connection) if (type === 'session.created') break;
      console.log((await connection.close()).code);`;
    expect(await run(code)).toBe(
      ['client.state', 'session.created', 'client.state', 'client.state', '1000', 'exit 0'].join('\n'),
    );
  });

  test('after a server that went away, unwatched', async () => {
    await using gateway = await fakeGateway({ onCall: ({ socket }) => socket.terminate() });
    const code = (reconnect: string) =>
      `connect({ url: '${gateway.url}', WebSocket: ${name}, reconnect: ${reconnect} });`;
    expect(await run(code('false'))).toBe('exit 0');
    expect(gateway.calls).toHaveLength(1);
    // And after it has come back as often as it was told to.
    expect(await run(code('{ attempts: 3, firstMs: 10 }'))).toBe('exit 0');
    expect(gateway.calls).toHaveLength(5);
  });

  test('after nobody was there, unwatched', async () => {
    expect(await run(`connect({ url: '${await nobodysUrl()}', WebSocket: ${name} });`)).toBe('exit 0');
  });

  test('after an upgrade that is never answered', async () => {
    await using gateway = await fakeGateway({ refusal: 'never' });
    const code = `connect({ url: '${gateway.url}', openTimeoutMs: 20, closeGraceMs: 20, WebSocket: ${name} });`;
    expect(await run(code)).toBe('exit 0');
  });
});

test('a process that brought `ws` ends by itself even when the server never answers its close', async () => {
  await using gateway = await fakeGateway({ onCall: ({ socket }) => socket.pause() });
  const code = `
    const connection = connect({ url: '${gateway.url}', closeGraceMs: 20, WebSocket: WsWebSocket });
    await connection.opened;
    console.log((await connection.close()).code);`;
  expect(await run(code)).toBe('1006\nexit 0');
});
