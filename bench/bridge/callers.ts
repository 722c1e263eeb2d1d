// Callers that speak: each sends a frame of audio every 20 ms and gets one back for it. Their sends are spread over the
// 20 ms, as those of strangers are. The frame is made once, and written below `ws`.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import WebSocket from 'ws';

const frameMs = 20;

export interface Measured {
  /** From a frame's sending to its answer. */
  readonly ms: readonly number[];
  readonly sent: number;
}

interface Caller {
  readonly socket: WebSocket;
  readonly below: Socket;
}

export class Callers {
  readonly #callers: readonly Caller[];
  readonly #frame: Buffer;
  readonly #due: number[][];
  #ms: number[] = [];

  private constructor(callers: readonly Caller[], frame: Buffer) {
    this.#callers = callers;
    this.#frame = frame;
    this.#due = callers.map(() => []);
    callers.forEach(({ socket }, index) => {
      socket.on('message', (data: Buffer) => {
        // The frames that are answered are the only long ones.
        if (data.length + 8 > frame.length)
          this.#ms.push(performance.now() - (this.#due[index]?.shift() ?? 0));
      });
    });
  }

  /** All of them are connected, and their upstream is there. */
  static async call(port: number, count: number, frameBytes: number): Promise<Callers> {
    const audio = Buffer.alloc(frameBytes, 7).toString('base64');
    const text = `{"type":"input_audio_buffer.append","audio":"${audio}"}`;
    const all = await Promise.all(
      Array.from({ length: count }, async () => {
        const below = connect(port, '127.0.0.1');
        below.setNoDelay(true);
        const url = `ws://127.0.0.1:${port}/v1/realtime`;
        const socket = new WebSocket(url, { perMessageDeflate: false, createConnection: () => below });
        await once(socket, 'open');
        return { socket, below };
      }),
    );
    const callers = new Callers(all, maskedFrame(Buffer.from(text)));
    await callers.speak(500);
    return callers;
  }

  async speak(forMs: number): Promise<Measured> {
    this.#ms = [];
    let sent = 0;
    const beganMs = performance.now();
    for (let tick = 0; tick < forMs; tick += 1) {
      const lateMs = beganMs + tick - performance.now();
      if (lateMs > 0) await delay(lateMs);
      for (let index = tick % frameMs; index < this.#callers.length; index += frameMs) {
        this.#due[index]?.push(performance.now());
        this.#callers[index]?.below.write(this.#frame);
        sent += 1;
      }
    }
    const deadlineMs = performance.now() + 5000;
    while (this.#ms.length < sent && performance.now() < deadlineMs) await delay(5);
    if (this.#ms.length < sent)
      throw new Error(`${sent - this.#ms.length} of ${sent} frames came to nothing`);
    return { ms: this.#ms, sent };
  }

  async close(): Promise<void> {
    await Promise.all(
      this.#callers.map(async ({ socket }) => {
        if (socket.readyState === WebSocket.CLOSED) return;
        socket.close();
        await once(socket, 'close');
      }),
    );
  }
}

/** Of between 126 and 65535 bytes. */
function maskedFrame(text: Buffer): Buffer {
  const mask = [0x37, 0xfa, 0x21, 0x3d];
  const head = [0x81, 0x80 | 126, text.length >> 8, text.length & 0xff, ...mask];
  return Buffer.concat([Buffer.from(head), text.map((byte, index) => byte ^ (mask[index % 4] ?? 0))]);
}
