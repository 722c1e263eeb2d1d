// Two clients of one gateway that type and stream speech while it is killed, stopped and started again, several times:
// everything arrives in order, nothing twice, and what is lost is told.
import { expect, test } from 'vitest';
import { WebSocket as WsWebSocket } from 'ws';
import { connect, decodeAudio, type RealtimeConnection, type SocketClass } from '../../src/client/index.ts';
import { fixture, GatewayProcess } from '../support/gateway-process.ts';
import { paced, until } from '../support/poll.ts';

const config = {
  engines: { voice: { worker: fixture('gateway/tone.mjs') }, activity: { builtin: 'silero' } },
  pipelines: { default: { kind: 'echo', speak: 'voice', vad: 'activity' } },
};
const pieceSamples = 480;
const pieceBytes = pieceSamples * 2;

/** One connection after the other, each with what was sent over it. */
class Wire {
  readonly sent: { readonly type: string; readonly audio?: string }[][] = [];

  over(Socket: SocketClass): SocketClass {
    const { sent } = this;
    return class extends Socket {
      readonly #frames: (typeof sent)[number] = [];

      constructor(url: string, protocols: string[]) {
        super(url, protocols);
        sent.push(this.#frames);
      }

      override send(data: string): void {
        this.#frames.push(JSON.parse(data));
        super.send(data);
      }
    };
  }

  /** The serial numbers of the pieces of speech, for each connection. */
  get pieces(): readonly (readonly number[])[] {
    return this.sent.map((frames) =>
      frames.flatMap(({ type, audio }) =>
        type === 'input_audio_buffer.append' && audio ? [...serials(decodeAudio(audio))] : [],
      ),
    );
  }
}

function* serials(pcm: Int16Array): Generator<number> {
  for (let at = 0; at < pcm.length; at += pieceSamples) {
    const piece = pcm.subarray(at, at + pieceSamples);
    expect(new Set(piece).size).toBe(1);
    yield piece[0] ?? -1;
  }
}

/** A caller who never stops, and notes what becomes of it. */
class Talker {
  readonly wire = new Wire();
  readonly connection: RealtimeConnection;
  readonly said: string[] = [];
  readonly fates: string[] = [];
  /** The lines that each session has shown, in its order. */
  readonly shown: string[][] = [];
  appended = 0;
  droppedBytes = 0;
  state: 'talking' | 'silent' = 'talking';

  constructor(url: string, Socket: SocketClass, audioMs: number) {
    this.connection = connect({
      ...{ url, WebSocket: this.wire.over(Socket), onShutdown: 'wait', keep: { audioMs } },
      reconnect: { firstMs: 20, maxMs: 100, attempts: 1000 },
    });
    this.connection.configure({ audio: { input: { turn_detection: null } } });
    this.connection.on('session.created', () => this.shown.push([]));
    this.connection.on('client.line', ({ itemId, state }) => this.fates.push(`${state} ${itemId}`));
    this.connection.on('client.audio_dropped', ({ bytes }) => {
      this.droppedBytes += bytes;
    });
    this.connection.on('conversation.item.added', ({ item }) => {
      if (item.type !== 'message' || item.role !== 'user') return;
      const [part] = item.content;
      if (part && 'text' in part) this.shown.at(-1)?.push(part.text);
    });
  }

  async talk(): Promise<void> {
    for await (const _turn of paced(20)) {
      if (this.state === 'silent') return;
      this.connection.append(new Int16Array(pieceSamples).fill(this.appended));
      this.appended += 1;
      if (this.appended % 3 !== 0) continue;
      const text = `line ${String(this.said.length).padStart(4, '0')}`;
      const { itemId, state } = this.connection.say(text);
      expect(state).not.toBe('refused');
      this.said.push(itemId);
    }
  }

  get quiet(): boolean {
    const { audioMs, lines } = this.connection.kept;
    return this.fates.length === this.said.length && audioMs === 0 && lines === 0;
  }

  expectAllTold(): void {
    // Each line once, in the order in which they were typed.
    expect(this.fates).toEqual(this.said.map((itemId) => `delivered ${itemId}`));
    for (const lines of this.shown) expect(lines).toEqual([...new Set(lines)].toSorted());
    expect(new Set(this.shown.flat()).size).toBe(this.said.length);
    // The session was told what was asked of it first of all, each time.
    for (const [first] of this.wire.sent)
      expect(first?.type ?? 'not open').toMatch(/session.update|not open/);
  }

  /** What the gateway has heard in this session is what was sent to it. */
  async expectHeard(): Promise<void> {
    const soon = { timeoutMs: 10_000, what: 'what was heard' };
    const heard: Int16Array[] = [];
    this.connection.on('input_audio_buffer.committed', ({ item_id: itemId }) =>
      this.connection.send({ type: 'conversation.item.retrieve', item_id: itemId }),
    );
    this.connection.on('conversation.item.retrieved', ({ item }) => {
      const [part] = item.type === 'message' ? item.content : [];
      if (part?.type === 'input_audio' && 'audio' in part) heard.push(decodeAudio(String(part.audio)));
    });
    this.connection.commit();
    const pcm = await until(() => heard[0], soon);
    expect([...serials(pcm)]).toEqual(this.wire.pieces.at(-1));
  }

  /** Each piece of speech was sent at most once, in order; or it was told. */
  expectAccounted(): void {
    const pieces = this.wire.pieces.flat();
    expect(pieces).toEqual([...new Set(pieces)].toSorted((a, b) => a - b));
    expect(pieces.length * pieceBytes + this.droppedBytes).toBe(this.appended * pieceBytes);
  }
}

test('through kills and stops, what two callers type and say arrives in order, nothing twice, and losses are told', async () => {
  let gateway = await GatewayProcess.start({ config });
  const url = await gateway.url();
  const talkers = [
    new Talker(url, WebSocket as unknown as SocketClass, 30_000),
    // This one keeps less than an outage lasts.
    new Talker(url, WsWebSocket as unknown as SocketClass, 60),
  ];
  const talking = talkers.map((talker) => talker.talk());
  try {
    for (const [round, signal] of (['SIGKILL', 'SIGTERM', 'SIGKILL', 'SIGTERM'] as const).entries()) {
      const enough = (round + 1) * 12;
      await until(
        () => talkers.every(({ fates, connection }) => connection.state === 'open' && fates.length > enough),
        {
          timeoutMs: 20_000,
          what: `round ${round}: lines that arrived`,
        },
      );
      gateway.child.kill(signal);
      await gateway.exited;
      await gateway[Symbol.asyncDispose]();
      await until(() => talkers.every(({ connection }) => connection.state === 'reconnecting'), {
        ...{ timeoutMs: 5000, what: `round ${round}: the outage` },
      });
      gateway = await GatewayProcess.start({ config, listen: url.replace('http://', '') });
    }
    // Less than 100 ms of speech is no turn.
    const isHeard = ({ shown, wire }: Talker) => shown.length === 5 && (wire.pieces.at(-1)?.length ?? 0) > 10;
    await until(() => talkers.every(isHeard), { timeoutMs: 20_000, what: 'the fifth session' });
    for (const talker of talkers) talker.state = 'silent';
    await Promise.all(talking);
    await until(() => talkers.every(({ quiet }) => quiet), { timeoutMs: 20_000, what: 'all lines' });
    for (const talker of talkers) {
      talker.expectAllTold();
      await talker.expectHeard();
      expect(await talker.connection.close()).toMatchObject({ code: 1000, cause: 'asked' });
      talker.expectAccounted();
    }
    expect(talkers.map(({ droppedBytes }) => droppedBytes > 0)).toEqual([false, true]);
    expect(gateway.stderr).toBe('');
  } finally {
    for (const talker of talkers) {
      talker.state = 'silent';
      await talker.connection.close();
    }
    await gateway[Symbol.asyncDispose]();
  }
});
