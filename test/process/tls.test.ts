// The door with TLS, as the clients that speak nothing else need it.
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { chmod, chown, mkdir, readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { connect } from 'node:tls';
import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import { expect, test } from 'vitest';
import { readContext } from '../../src/gateway/certificate.ts';
import { command } from '../support/command.ts';
import { testFolder } from '../support/folder.ts';
import { fixture, GatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';

const ca = readFileSync(fixture('tls/cert.pem'), 'utf8');
const tls = { cert: fixture('tls/cert.pem'), key: fixture('tls/key.pem') };
const config = {
  tls,
  engines: { voice: { builtin: 'flite' }, activity: { builtin: 'silero' } },
  pipelines: { default: { kind: 'echo', speak: 'voice', vad: 'activity' } },
};

const portOf = async (gateway: GatewayProcess) => Number(new URL(await gateway.url()).port);

function get(url: string): Promise<{ readonly status: number | undefined; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { ca }, (response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode, body }));
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

test('the openai package, which speaks wss alone, sends a line and hears it spoken', async () => {
  await using gateway = await GatewayProcess.start({ config });
  const url = await gateway.url();
  expect(url).toMatch(/^https:/);
  const client = new OpenAI({ apiKey: 'none', baseURL: `${url}/v1` });
  const realtime = await OpenAIRealtimeWS.create(client, { model: 'default', options: { ca } });
  const types: string[] = [];
  let audioBytes = 0;
  let said = '';
  const errors: unknown[] = [];
  realtime.on('error', (error) => errors.push(error));
  realtime.on('event', (event) => types.push(event.type));
  realtime.on('response.output_audio.delta', ({ delta }) => {
    audioBytes += Buffer.from(delta, 'base64').length;
  });
  realtime.on('response.output_audio_transcript.done', ({ transcript }) => {
    said = transcript;
  });
  await new Promise((resolve) => realtime.socket.once('open', resolve));
  realtime.send({
    type: 'conversation.item.create',
    item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Hello over TLS' }] },
  });
  realtime.send({ type: 'response.create' });
  await until(() => types.includes('response.done'), {
    timeoutMs: 20_000,
    what: `the answer (${types.join(' ')}; ${JSON.stringify(errors)})`,
  });
  expect(said).toBe('Hello over TLS');
  expect(audioBytes).toBeGreaterThan(24_000);
  expect(errors).toEqual([]);
  realtime.close();
  expect(await get(`${url}/readyz`)).toMatchObject({ status: 200 });
});

test('plain HTTP at a door with TLS is told so; half a handshake holds nobody, not even the leaving', async () => {
  await using gateway = await GatewayProcess.start({ config });
  const port = await portOf(gateway);
  const plain = connectTcp(port, '127.0.0.1');
  let heard = '';
  plain.on('data', (chunk) => {
    heard += chunk;
  });
  plain.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await until(() => plain.closed, { timeoutMs: 5000, what: 'the answer to plain HTTP' });
  expect(heard).toMatch(/^HTTP\/1\.1 400 .*"this door speaks TLS: connect with https:\/\/ or wss:\/\/"/s);

  const silent = connectTcp(port, '127.0.0.1');
  const half = connectTcp(port, '127.0.0.1');
  half.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]));
  for (const socket of [silent, half]) socket.on('error', () => undefined);
  expect(await get(`${await gateway.url()}/healthz`)).toMatchObject({ status: 200 });
  const askedMs = performance.now();
  gateway.child.kill('SIGTERM');
  expect(await gateway.end(askedMs)).toMatchObject({ code: 0 });
  expect(performance.now() - askedMs).toBeLessThan(3000);
});

test('who greets before the certificate has been read is answered all the same', async () => {
  await using gateway = await GatewayProcess.start({ config });
  const port = await portOf(gateway);
  const handshakes = Array.from(
    { length: 20 },
    () =>
      new Promise((resolve, reject) => {
        const socket = connect({ port, host: '127.0.0.1', ca, servername: 'localhost' }, () => {
          socket.destroy();
          resolve(socket.authorized);
        });
        socket.on('error', reject);
      }),
  );
  expect(await Promise.all(handshakes)).toEqual(handshakes.map(() => true));
});

test('a client of TLS 1.2 gets one handshake, and no more', async () => {
  await using gateway = await GatewayProcess.start({ config });
  const port = await portOf(gateway);
  const socket = connect({ port, host: '127.0.0.1', ca, servername: 'localhost', maxVersion: 'TLSv1.2' });
  await new Promise((resolve) => socket.once('secureConnect', resolve));
  const refused = await new Promise((resolve) => {
    socket.on('error', ({ message }) => resolve(message));
    socket.renegotiate({}, (error) => resolve(error?.message ?? 'done'));
  });
  expect(refused).toMatch(/no renegotiation/);
  socket.destroy();
});

test('one that has expired opens the door, and says what clients will do', async () => {
  const expired = fixture('tls/expired.pem');
  await using gateway = await GatewayProcess.start({ config: { ...config, tls: { ...tls, cert: expired } } });
  await gateway.event('ready');
  const said = `tls.cert: ${expired} has expired (Jan  1 00:00:00 2021 GMT): clients will refuse it`;
  expect(gateway.stderr).toContain(said);
  const log = await readFile(join(gateway.folder.path, '.greenroom', 'logs', 'greenroom.log'), 'utf8');
  expect(log).toContain(said);
  await expect(get(`${await gateway.url()}/healthz`)).rejects.toMatchObject({ code: 'CERT_HAS_EXPIRED' });
});

test.skipIf(process.getuid?.() !== 0)(
  'a key that its user may not read is told, with the reason',
  async () => {
    await using folder = await testFolder();
    await chmod(folder.path, 0o755);
    const data = join(folder.path, 'data');
    await mkdir(data, { mode: 0o700 });
    await chown(data, 65_534, 65_534);
    const key = await folder.write('key.pem', readFileSync(tls.key));
    await chmod(key, 0o600);
    const cert = await folder.write('cert.pem', ca);
    await folder.write('greenroom.json', JSON.stringify({ ...config, tls: { cert, key } }));
    const up = ['up', '--json', '--listen', '127.0.0.1:0', '--data', 'data'];
    const refused = await command(up, { cwd: folder.path, uid: 65_534 });
    expect([refused.code, refused.events().at(-1)]).toMatchObject([2, { code: 'tls_unusable' }]);
    expect(refused.stderr).toContain(`tls.key: ${key} cannot be read: EACCES: permission denied`);
  },
);

test('a pipe or a device in the place of a certificate or key holds nobody up', async () => {
  await using folder = await testFolder();
  const pipe = join(folder.path, 'pipe');
  execFileSync('mkfifo', [pipe]);
  for (const broken of [
    { ...tls, key: pipe },
    { ...tls, cert: pipe },
    { ...tls, cert: '/dev/zero' },
  ]) {
    await using gateway = await GatewayProcess.start({ config: { ...config, tls: broken } });
    expect(await gateway.exited).toMatchObject({ code: 2 });
    expect(gateway.stderr).toContain('cannot be read: it is no PEM file [tls_unusable]');
  }
});

const cut = (path: string) => readFileSync(path, 'utf8').slice(0, 120);
const encrypted = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
  ...{ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'a word' },
});

test.each([
  ['an encrypted key', { key: encrypted }, 'the key is encrypted; one without a passphrase is needed'],
  ['half a certificate', { cert: cut(tls.cert) }, 'one of them is cut off or damaged'],
  ['nothing', { cert: '' }, 'one of them is no PEM file of its kind (are they swapped?)'],
  ['each other', { cert: readFileSync(tls.key), key: ca }, '(are they swapped?)'],
])('%s in its place is told in words', async (_what, contents, why) => {
  await using folder = await testFolder();
  const paths: Record<string, string> = {};
  for (const [name, content] of Object.entries(contents))
    paths[name] = await folder.write(`${name}.pem`, content);
  await expect(readContext({ ...tls, ...paths })).rejects.toMatchObject({
    code: 'tls_unusable',
    message: expect.stringContaining(why),
  });
});

test.each([
  ['a key that is not its own', { ...tls, key: fixture('tls/other-key.pem') }, 'not that of the certificate'],
  ['a file that is not there', { ...tls, cert: 'nowhere.pem' }, 'nowhere.pem cannot be read'],
  ['a file that is no certificate', { ...tls, cert: fixture('gateway/tone.mjs') }, 'cannot be used'],
])('%s is a clear error, with exit code 2', async (_, broken, why) => {
  await using gateway = await GatewayProcess.start({ config: { ...config, tls: broken } });
  expect(await gateway.exited).toMatchObject({ code: 2 });
  expect(gateway.stderr).toContain('[tls_unusable]');
  expect(gateway.stderr).toContain(why);
});

test('`talk` and `wait` say what to do about a certificate of your own, and do it', async () => {
  await using gateway = await GatewayProcess.start({ config });
  await gateway.event('ready');
  const cwd = gateway.folder.path;
  const hint = 'for a certificate of your own set NODE_EXTRA_CA_CERTS=cert.pem, its file, in the environment';
  const refused = await command(['talk', '--text', 'hi', '--json'], { cwd });
  expect(refused.code).toBe(69);
  expect(refused.events().at(-1)).toMatchObject({ event: 'failed', code: 'gateway_unreachable' });
  expect(refused.stderr).toMatch(new RegExp(`self-signed certificate; .*${hint}`));
  const waited = await command(['wait', '--timeout', '1s'], { cwd });
  expect(waited.code).toBe(69);
  expect(waited.stderr).toMatch(new RegExp(`self-signed certificate; .*${hint}`));
  const env = { NODE_EXTRA_CA_CERTS: fixture('tls/cert.pem') };
  expect(await command(['wait', '--timeout', '1s'], { cwd, env })).toMatchObject({ code: 0 });
  expect(await command(['talk', '--text', 'hi'], { cwd, env })).toMatchObject({ code: 0 });
});
