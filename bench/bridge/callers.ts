// Callers that speak: each sends a frame of audio every 20 ms and gets one back for it. Their sends are spread over the
// 20 ms, as those of strangers are.
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import WebSocket from 'ws';

const frameMs = 20;

export interface Measured {
  /** From a frame's sending to its answer. */
  readonly ms: readonly number[];
  readonly sent: number;
}

export class Callers {
  readonly #sockets: readonly WebSocket[];
  readonly #frame: string;
  readonly #due: number[][];
  #ms: number[] = [];

  private constructor(sockets: readonly WebSocket[], frame: string) {
    this.#sockets = sockets;
    this.#frame = frame;
    this.#due = sockets.map(() => []);
    sockets.forEach((socket, index) => {
      socket.on('message', (data: Buffer) => {
        // The frames that are answered are the only long ones.
        if (data.length > frame.length) this.#ms.push(performance.now() - (this.#due[index]?.shift() ?? 0));
      });
    });
  }

  /** All of them are connected, and their upstream is there. */
  static async call(port: number, count: number, frameBytes: number): Promise<Callers> {
    const audio = Buffer.alloc(frameBytes, 7).toString('base64');
    const frame = `{"type":"input_audio_buffer.append","audio":"${audio}"}`;
    const sockets = await Promise.all(
      Array.from({ length: count }, async () => {
        const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/realtime`, { perMessageDeflate: false });
        await once(socket, 'open');
        return socket;
      }),
    );
    const callers = new Callers(sockets, frame);
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
      for (let index = tick % frameMs; index < this.#sockets.length; index += frameMs) {
        this.#due[index]?.push(performance.now());
        this.#sockets[index]?.send(this.#frame);
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
    for (const socket of this.#sockets) socket.close();
    await Promise.all(
      this.#sockets.map((socket) =>
        socket.readyState === WebSocket.CLOSED ? undefined : once(socket, 'close'),
      ),
    );
  }
}
