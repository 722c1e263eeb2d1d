// Real clients of the field hold a conversation with a cascade: hear, think and speak, tools, interruption, history.
import { readFileSync } from 'node:fs';
import { RealtimeAgent, RealtimeSession, tool } from '@openai/agents-realtime';
import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  audioToLetters,
  lettersToAudio,
  speech,
  startCascade,
  startLettered,
} from '../support/cascade-process.ts';
import { fixture, type GatewayProcess } from '../support/gateway-process.ts';
import { until } from '../support/poll.ts';

const heard = 'What time is it?';

describe('@openai/agents-realtime', () => {
  interface Call {
    readonly session: RealtimeSession;
    readonly errors: unknown[];
    readonly events: { readonly type: string; readonly [key: string]: unknown }[];
    readonly audioBytes: () => number;
    readonly interruptions: () => number;
    /** Of its history: who, and what, as far as it is known. */
    readonly said: () => readonly string[];
    readonly until: (is: () => unknown, what: string) => Promise<unknown>;
  }

  async function call(gateway: GatewayProcess, tools: ReturnType<typeof tool>[] = []): Promise<Call> {
    const session = new RealtimeSession(
      new RealtimeAgent({ name: 'Ada', instructions: 'Ada:', tools: tools as never }),
      { transport: 'websocket' },
    );
    const errors: unknown[] = [];
    const events: Call['events'] = [];
    let audioBytes = 0;
    let interruptions = 0;
    session.on('error', (error) => errors.push(error));
    session.on('audio', ({ data }) => {
      audioBytes += data.byteLength;
    });
    session.on('audio_interrupted', () => {
      interruptions += 1;
    });
    session.on('transport_event', (event) => events.push(event as never));
    const said = () => session.history.map((item) => shown(item as never));
    await session.connect({
      apiKey: 'none',
      url: `${(await gateway.url()).replace('http', 'ws')}/v1/realtime`,
    });
    return {
      ...{ session, errors, events, said, audioBytes: () => audioBytes, interruptions: () => interruptions },
      until: (is, what) =>
        until(async () => is(), {
          timeoutMs: 20_000,
          what,
        }),
    };
  }

  function shown(item: {
    readonly type: string;
    readonly role?: string;
    readonly content?: readonly { readonly text?: string; readonly transcript?: string | null }[];
    readonly name?: string;
    readonly output?: string | null;
  }): string {
    if (item.type === 'function_call') return `call ${item.name} -> ${item.output}`;
    return `${item.role}: ${item.content?.map((part) => part.text ?? part.transcript).join(' ')}`;
  }

  const done = ({ events }: Call) => events.filter(({ type }) => type === 'response.done').length;

  test('hears, is heard, and types; its history has all of it', async () => {
    await using gateway = await startCascade(heard);
    await gateway.event('ready');
    const agent = await call(gateway);
    agent.session.sendAudio((await speech(gateway, heard)).buffer);
    await agent.until(() => done(agent) === 1 && agent.audioBytes() > 24_000, 'the spoken answer');
    agent.session.sendMessage('And the date?');
    await agent.until(() => done(agent) === 2, 'the second answer');
    await agent.until(
      () => agent.said().length === 4 && !agent.said().join().includes('null'),
      'the whole history',
    );
    expect(agent.said()).toEqual([
      `user: ${heard}`,
      `assistant: Ada: You said: ${heard}.`,
      'user: And the date?',
      'assistant: Ada: You said: And the date?.',
    ]);
    agent.session.close();
    expect(agent.errors).toEqual([]);
  });

  test('calls a function and speaks its result', async () => {
    await using gateway = await startCascade(heard);
    await gateway.event('ready');
    const asked: unknown[] = [];
    const look = tool({
      name: 'look',
      description: 'Looks.',
      parameters: z.object({ where: z.string() }),
      execute: ({ where }) => {
        asked.push(where);
        return 'it rains';
      },
    });
    const agent = await call(gateway, [look]);
    agent.session.sendMessage('Please look.');
    await agent.until(
      () => agent.said().some((line) => line.includes('The result is')),
      'the result to be told',
    );
    await agent.until(() => done(agent) === 2, 'both answers to end');
    expect(asked).toEqual(['out']);
    expect(agent.said()).toEqual([
      'user: Please look.',
      'call look -> it rains',
      'assistant: Ada: The result is it rains.',
    ]);
    agent.session.close();
    expect(agent.errors).toEqual([]);
  });

  test('interrupts by speaking: the answer ends where it is, and the next one is to what was said', async () => {
    await using gateway = await startCascade(heard);
    await gateway.event('ready');
    const over = await speech(gateway, heard);
    const agent = await call(gateway);
    agent.session.sendMessage('Speak slowly');
    await agent.until(() => agent.audioBytes() > 24_000, 'it to speak');
    agent.session.sendAudio(over.buffer);
    await agent.until(() => done(agent) === 2, 'the answer to what was said over it');
    expect(agent.interruptions()).toBeGreaterThan(0);
    const statuses = agent.events.flatMap((event) =>
      event.type === 'response.done' ? [(event['response'] as { readonly status: string }).status] : [],
    );
    expect(statuses).toEqual(['cancelled', 'completed']);
    await agent.until(
      () => agent.said().includes(`assistant: Ada: You said: ${heard}.`),
      'the second answer',
    );
    agent.session.close();
    // It truncates what it has interrupted, and asks for it then: none of that may be refused.
    expect(agent.errors).toEqual([]);
  });
});

describe('openai, over TLS', () => {
  const ca = readFileSync(fixture('tls/cert.pem'), 'utf8');
  const tls = { cert: fixture('tls/cert.pem'), key: fixture('tls/key.pem') };

  interface Call extends AsyncDisposable {
    readonly realtime: OpenAIRealtimeWS;
    readonly errors: unknown[];
    readonly all: <Shape>(type: string) => readonly Shape[];
    readonly one: <Shape>(type: string) => Promise<Shape>;
  }

  async function call(gateway: GatewayProcess, how: object): Promise<Call> {
    const client = new OpenAI({ apiKey: 'none', baseURL: `${await gateway.url()}/v1` });
    const realtime = await OpenAIRealtimeWS.create(client, { options: { ca }, ...how } as never);
    const errors: unknown[] = [];
    const events: { readonly type: string }[] = [];
    realtime.on('error', (error) => errors.push(error.message));
    realtime.on('event', (event) => events.push(event));
    await new Promise((resolve) => realtime.socket.once('open', resolve));
    const all = <Shape>(type: string) => events.filter((event) => event.type === type) as unknown as Shape[];
    return {
      ...{ realtime, errors, all },
      one: <Shape>(type: string) =>
        until(async () => all<Shape>(type)[0], {
          timeoutMs: 20_000,
          what: `${type} (${events.map((event) => event.type).join(' ')}; ${JSON.stringify(errors)})`,
        }),
      async [Symbol.asyncDispose]() {
        realtime.close();
      },
    };
  }

  interface Done {
    readonly response: {
      readonly conversation_id: string | null;
      readonly status: string;
      readonly metadata: unknown;
      readonly output: readonly { readonly content: readonly { text?: string; transcript?: string }[] }[];
    };
  }

  test('speaks and is answered; a response outside the conversation is about what was said', async () => {
    await using gateway = await startLettered({ tls });
    await gateway.event('ready');
    await using caller = await call(gateway, { model: 'default' });
    const { realtime, one, all } = caller;
    realtime.send({
      type: 'session.update',
      session: { type: 'realtime', instructions: 'Ada:', audio: { input: { turn_detection: null } } },
    });
    realtime.send({ type: 'input_audio_buffer.append', audio: lettersToAudio('Good day') });
    realtime.send({ type: 'input_audio_buffer.commit' });
    const { item_id: itemId } = await one<{ readonly item_id: string }>('input_audio_buffer.committed');
    realtime.send({ type: 'response.create' });
    realtime.send({
      type: 'response.create',
      response: {
        conversation: 'none',
        output_modalities: ['text'],
        instructions: 'Judge:',
        metadata: { topic: 'mood' },
        // Its type of this event has no references, though its API has them.
        input: [{ type: 'item_reference', id: itemId } as never],
      },
    });
    await until(async () => all('response.done').length === 2, { timeoutMs: 20_000, what: 'both answers' });
    const answers = all<Done>('response.done').map(({ response }) => ({
      inside: response.conversation_id !== null,
      metadata: response.metadata,
      said: response.output.flatMap(({ content }) => content.map((part) => part.transcript ?? part.text)),
    }));
    expect(answers.toSorted((one, other) => Number(other.inside) - Number(one.inside))).toEqual([
      { inside: true, metadata: null, said: ['Ada: You said: Good day.'] },
      { inside: false, metadata: { topic: 'mood' }, said: ['Judge: You said: Good day.'] },
    ]);
    const spoken = all<{ readonly delta: string }>('response.output_audio.delta');
    expect(spoken.map(({ delta }) => audioToLetters(delta)).join('')).toBe('Ada: You said: Good day.');
    // What was beside the conversation is not in it.
    expect(all('conversation.item.added')).toHaveLength(2);
    expect(caller.errors).toEqual([]);
  });

  test('has what is said written down in a transcription session, and nothing answered', async () => {
    await using gateway = await startLettered({ tls });
    await gateway.event('ready');
    await using caller = await call(gateway, { intent: 'transcription' });
    const { realtime, one, all } = caller;
    expect(await one('session.created')).toMatchObject({
      session: { type: 'transcription', object: 'realtime.transcription_session' },
    });
    realtime.send({
      type: 'session.update',
      session: {
        type: 'transcription',
        audio: { input: { turn_detection: null, transcription: { model: 'gpt-4o-transcribe' } } },
      },
    });
    realtime.send({ type: 'input_audio_buffer.append', audio: lettersToAudio('Good day') });
    realtime.send({ type: 'input_audio_buffer.commit' });
    expect(await one('conversation.item.input_audio_transcription.completed')).toMatchObject({
      transcript: 'Good day',
    });
    realtime.send({ type: 'response.create', event_id: 'ask' });
    await until(async () => caller.errors.length === 1, { timeoutMs: 5000, what: 'the refusal' });
    expect(String(caller.errors)).toContain('gives no answers');
    expect(all('response.created')).toEqual([]);
  });
});
