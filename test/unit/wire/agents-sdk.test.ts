// The client library of @openai/agents-realtime, as it is installed, on a socket that is nothing but the parser and the
// conversation: what it really sends is taken, what it is sent it understands.
import { OpenAIRealtimeWebSocket, RealtimeAgent, RealtimeSession, tool } from '@openai/agents-realtime';
import { afterEach, expect, test } from 'vitest';
import { z } from 'zod';
import { Rig } from '../realtime/rig.ts';

type Listener = (message: { readonly data: string }) => void;

/** A WebSocket to a conversation in this process. */
class Loopback {
  readonly rig = new Rig();
  readonly frames: { readonly type: string; readonly [key: string]: unknown }[] = [];
  readonly #listeners: Listener[] = [];
  #told = 0;
  #telling = false;

  addEventListener(type: string, listener: Listener): void {
    if (type !== 'message') return;
    this.#listeners.push(listener);
    queueMicrotask(() => this.tell());
  }

  send(frame: string): void {
    const event = JSON.parse(frame) as (typeof this.frames)[number];
    this.frames.push(event);
    this.rig.client(event);
    this.tell();
  }

  close(): void {
    this.#listeners.length = 0;
  }

  /** Passes on what has happened, in order, also when the client answers in the midst of it. */
  tell(): void {
    if (this.#telling) return;
    this.#telling = true;
    for (let event = this.rig.events[this.#told]; event; event = this.rig.events[this.#told]) {
      this.#told += 1;
      for (const listener of this.#listeners) listener({ data: JSON.stringify(event) });
    }
    this.#telling = false;
  }

  sent(type: string): readonly object[] {
    return this.frames.filter((frame) => frame.type === type);
  }
}

let session: RealtimeSession | undefined;
afterEach(() => session?.close());

async function connect(config: object = {}) {
  const socket = new Loopback();
  const transport = new OpenAIRealtimeWebSocket({
    createWebSocket: async () => socket as never,
    skipOpenEventListeners: true,
  });
  const look = tool({ name: 'look', description: 'Looks.', parameters: z.object({}), execute: () => 'seen' });
  const agent = new RealtimeAgent({ name: 'greeter', instructions: 'Be kind.', tools: [look] });
  const errors: unknown[] = [];
  session = new RealtimeSession(agent, { transport, config });
  session.on('error', (error) => errors.push(error));
  await session.connect({ apiKey: 'any', url: 'ws://gateway/v1/realtime' });
  const answer = (...chunks: (string | number)[]) => {
    for (const chunk of chunks) socket.rig.output(chunk);
    socket.tell();
  };
  const end = () => {
    socket.rig.end();
    socket.tell();
  };
  const texts = () =>
    session?.history.map((item) =>
      item.type === 'message'
        ? `${item.role}: ${item.content.map((part) => ('text' in part ? part.text : part.transcript)).join()}`
        : item.type,
    );
  return { session, socket, rig: socket.rig, errors, answer, end, texts };
}

test('what it opens with is taken, and it is shown what is in effect', async () => {
  const { socket, rig, errors } = await connect({
    audio: { input: { turnDetection: { type: 'server_vad', silenceDurationMs: 900, idleTimeoutMs: 6000 } } },
    tracing: { workflowName: 'call' },
  });
  const updates = socket.sent('session.update');
  expect(updates.length).toBeGreaterThanOrEqual(2);
  expect(JSON.stringify(updates)).toContain('gpt-4o-mini-transcribe');
  expect(errors).toEqual([]);
  expect(rig.state.session).toMatchObject({
    model: 'echo',
    instructions: 'Be kind.',
    tools: [{ type: 'function', name: 'look' }],
    audio: {
      input: { transcription: null, turn_detection: { silence_duration_ms: 900, idle_timeout_ms: 6000 } },
      output: { voice: 'slt', speed: 1 },
    },
  });
});

test('a typed line is answered, and both are in its history', async () => {
  const { session, rig, errors, answer, end, texts } = await connect();
  rig.ready();
  session.sendMessage('hello');
  answer('Hello ', 20, 'yourself.', 20);
  end();
  expect(texts()).toEqual(['user: hello', 'assistant: Hello yourself.']);
  expect(errors).toEqual([]);
});

test('two lines typed in the lobby are answered one after the other', async () => {
  const { session, socket, rig, errors, answer, end, texts } = await connect();
  session.sendMessage('one');
  session.sendMessage('two');
  rig.ready();
  socket.tell();
  answer('First.');
  end();
  await new Promise(setImmediate);
  answer('Second.');
  end();
  expect(texts()).toEqual(['user: one', 'user: two', 'assistant: First.', 'assistant: Second.']);
  expect(errors).toEqual([]);
});

test('what was spoken is in its history before anybody knows what it was', async () => {
  const { socket, rig, errors, answer, end, texts } = await connect();
  rig.ready();
  rig.speak(1000);
  socket.tell();
  answer('I heard you.', 100);
  end();
  expect(texts()).toEqual(['user: ', 'assistant: I heard you.']);
  expect(errors).toEqual([]);
});

test('when the caller speaks over an answer it truncates what was not heard, and does not cancel twice', async () => {
  const { socket, rig, errors, answer } = await connect();
  rig.ready();
  rig.speak(1000);
  socket.tell();
  answer('A long story.', 5000);
  rig.append(500);
  rig.feed({ type: 'speech_started', atSample: rig.state.input.endSample });
  socket.tell();
  expect(socket.sent('response.cancel')).toEqual([]);
  expect(socket.sent('conversation.item.truncate')).toHaveLength(1);
  expect(socket.sent('conversation.item.retrieve')).toHaveLength(1);
  expect(rig.state.items.at(-1)).toMatchObject({ status: 'incomplete', content: [{ transcript: null }] });
  expect(errors).toEqual([]);
});

test('when it interrupts by itself the answer is cancelled and truncated', async () => {
  const { session, socket, rig, errors, answer } = await connect();
  rig.ready();
  session.sendMessage('tell me');
  answer('A long story.', 5000);
  session.interrupt();
  expect(socket.sent('response.cancel')).toHaveLength(1);
  expect(socket.sent('conversation.item.truncate')).toHaveLength(1);
  expect(rig.last('response.done').response.status).toBe('cancelled');
  expect(errors).toEqual([]);
});

test('it can rewrite its history', async () => {
  const { session, rig, errors, answer, end, texts } = await connect();
  rig.ready();
  for (const line of ['one', 'two']) {
    session.sendMessage(line);
    answer(`Answer to ${line}.`, 20);
    end();
    await new Promise(setImmediate);
  }
  session.updateHistory((history) =>
    history
      .slice(1)
      .map((item) =>
        item.type === 'message' && item.role === 'user'
          ? { ...item, content: [{ type: 'input_text', text: 'TWO' }] }
          : item,
      ),
  );
  expect(texts()).toEqual(['assistant: Answer to one.', 'user: TWO', 'assistant: Answer to two.']);
  expect(rig.itemIds).toHaveLength(3);
  expect(errors).toEqual([]);
});

test('an error that names its response.create lets it go on', async () => {
  const { session, socket, rig, answer, end, texts } = await connect();
  session.sendMessage('one');
  rig.feed({ type: 'lobby_timeout', waitedMs: 60_000, missing: 'engine voice' });
  rig.ready();
  socket.tell();
  session.sendMessage('two');
  await new Promise(setImmediate);
  answer('Both.');
  end();
  expect(texts()).toEqual(['user: one', 'user: two', 'assistant: Both.']);
});
