// Transcription sessions from the outside: who gets one, and who is told why not.
import { expect, test } from 'vitest';
import WebSocket from 'ws';
import { Caller } from '../support/caller.ts';
import { lettersToAudio, startLettered } from '../support/cascade-process.ts';
import { fixture } from '../support/gateway-process.ts';

const config = {
  pipelines: {
    default: { kind: 'cascade', hear: 'all', think: 'all', speak: 'all', vad: 'activity' },
    typed: { kind: 'cascade', think: 'all' },
  },
};
const manual = { audio: { input: { turn_detection: null } } };

/** The answer to an upgrade that is refused. */
function refusal(url: string): Promise<{ readonly status: number | undefined; readonly body: string }> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url.replace('http', 'ws'));
    socket.on('unexpected-response', (_, response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode, body }));
    });
    socket.on('open', () => resolve({ status: 101, body: '' }));
    socket.on('error', () => undefined);
  });
}

test('by the address or with a client secret; what is said is written down and nothing is answered', async () => {
  await using gateway = await startLettered(config);
  await gateway.event('ready');
  const url = await gateway.url();
  const { status, body } = await gateway.json('/v1/realtime/client_secrets', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ session: { type: 'transcription', ...manual } }),
  });
  expect({ status, body }).toMatchObject({
    status: 200,
    body: { session: { type: 'transcription', object: 'realtime.transcription_session' } },
  });
  const secret = (body as { readonly value: string }).value;
  for (const query of ['?intent=transcription', `?token=${secret}`]) {
    await using caller = await Caller.call(url, query);
    expect(await caller.event('session.created')).toMatchObject({ session: { type: 'transcription' } });
    caller.send({ type: 'session.update', session: manual });
    caller.send({ type: 'input_audio_buffer.append', audio: lettersToAudio('Good day') });
    caller.send({ type: 'input_audio_buffer.commit' });
    await caller.event(
      'conversation.item.input_audio_transcription.completed',
      ({ transcript }) => transcript === 'Good day',
    );
    expect(caller.all('response.created')).toEqual([]);
  }
});

test('a session wakes engines that are asleep, though nothing is to be answered', async () => {
  const lazy = { worker: fixture('engines/scripted.mjs'), start: 'lazy' };
  const engines = { all: lazy, activity: { builtin: 'silero', start: 'lazy' } };
  await using gateway = await startLettered({ engines });
  await using caller = await Caller.call(await gateway.url(), '?intent=transcription&notices=1');
  await caller.lobby('waiting');
  caller.send({ type: 'session.update', session: manual });
  caller.send({ type: 'input_audio_buffer.append', audio: lettersToAudio('Good day') });
  caller.send({ type: 'input_audio_buffer.commit' });
  await caller.event(
    'conversation.item.input_audio_transcription.completed',
    ({ transcript }) => transcript === 'Good day',
  );
});

test('where nothing is written down, and for another intent, the connection is refused with the reason', async () => {
  await using gateway = await startLettered(config);
  const url = `${await gateway.url()}/v1/realtime`;
  const typed = await refusal(`${url}?intent=transcription&model=typed`);
  expect(typed.status).toBe(400);
  expect(typed.body).toContain('no `hear`');
  const other = await refusal(`${url}?intent=translation`);
  expect(other.status).toBe(400);
  expect(other.body).toContain('translation');
  const { status, body } = await gateway.json('/v1/realtime/client_secrets', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ session: { type: 'transcription', model: 'typed' } }),
  });
  expect(status).toBe(400);
  expect(JSON.stringify(body)).toContain('no `hear`');
});
