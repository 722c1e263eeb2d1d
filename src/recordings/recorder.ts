// Takes steps of recordings from the sessions and gives them to the thread that writes: in batches, bounded, and without
// ever waiting for a disk. The thread is started when there is something for it, and again when it has died. Whoever makes
// it closes it.
//
//     waiting ──start──▶ running ──close──▶ closing ──the thread has ended──▶ closed
import { Worker } from 'node:worker_threads';
import type { Clock, Timer } from '../lifecycle/clock.ts';
import { messageOf } from '../lifecycle/errors.ts';
import type { TakeFacts } from './facts.ts';
import type { Found, Query, RecorderReply, RecorderRequest, RecordingsThreadData, Step } from './protocol.ts';

export interface RecorderOptions {
  /** The built `recordings-thread`. */
  readonly file: string;
  readonly thread: RecordingsThreadData;
  readonly clock: Clock;
  /** What may wait for the disk, in all. Default 64 MiB. */
  readonly bytesMax?: number;
  /** A take has begun, or ended. */
  readonly onTake: (key: number, take: TakeFacts) => void;
  /** A take never began, or nobody knows how it stands. */
  readonly onLost: (key: number | 'all', message: string) => void;
  readonly onRemoved: (take: TakeFacts) => void;
  /** What there is. */
  readonly onLook: (takes: readonly TakeFacts[]) => void;
  /** For the log. */
  readonly onNotice: (message: string) => void;
}

const bytesMaxDefault = 64 * 1024 * 1024;
/** A step reaches the disk well within a second of its happening. */
const batchMs = 100;
/** With so much it goes at once. */
const batchBytes = 256 * 1024;
/** Of a step beside its text. */
const stepBytes = 128;

interface Thread {
  readonly worker: Worker;
  readonly ended: PromiseWithResolvers<void>;
  fault: string | undefined;
}

export class Recorder {
  readonly #options: RecorderOptions;
  readonly #written = new Map<number, number>();
  readonly #asked = new Map<number, (found: Found) => void>();
  readonly #started = Promise.withResolvers<void>();
  #state: 'waiting' | 'running' | 'closing' | 'closed' = 'waiting';
  #steps: Step[] = [];
  /** Of the steps that wait here, and of all that are not written. */
  #batchBytes = 0;
  #waitingBytes = 0;
  #timer: Timer | undefined;
  #dueMs = 0;
  #thread: Thread | undefined;
  #requests = 0;
  #closing: Promise<void> | undefined;

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  /** Not written yet. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** The thread may run from now on. @param now even if there is nothing to be written: to look after what is there */
  start(now: boolean): void {
    if (this.#state !== 'waiting') return;
    this.#state = 'running';
    this.#started.resolve();
    if (now) this.#running();
    this.#send();
  }

  /** `full`: so much waits for the disk already that this one is not taken. What ends a take always is. */
  take(step: Step): 'taken' | 'full' | 'closed' {
    if (this.#state === 'closing' || this.#state === 'closed') return 'closed';
    const bytes = stepBytes + (step.type === 'event' ? step.text.length : 0);
    const { bytesMax = bytesMaxDefault } = this.#options;
    if (step.type === 'event' && this.#waitingBytes + bytes > bytesMax) return 'full';
    this.#steps.push(step);
    this.#batchBytes += bytes;
    this.#waitingBytes += bytes;
    if (this.#batchBytes > batchBytes) this.#send();
    // Somebody waits to hear how it went; of many that begin at once they are one batch still.
    else if (step.type === 'event') this.#sendIn(batchMs);
    else this.#sendIn(0);
    return 'taken';
  }

  async ask(query: Query): Promise<Found> {
    await this.#started.promise;
    if (this.#state !== 'running') return { state: 'failed', message: `the recorder is ${this.#state}` };
    // In its order among the steps.
    this.#send();
    this.#requests += 1;
    const id = this.#requests;
    const thread = this.#running();
    if (!thread) return { state: 'failed', message: 'there is no thread for recordings' };
    const found = new Promise<Found>((resolve) => this.#asked.set(id, resolve));
    post(thread, { type: 'query', id, query });
    return found;
  }

  /** Resolves when everything is written, and the thread has ended. Every caller gets the same promise. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Ends the thread, whatever it does; `close` then ends as well. */
  destroy(): void {
    void this.#thread?.worker.terminate();
  }

  async #close(): Promise<void> {
    this.#send();
    this.#state = 'closing';
    if (this.#thread) {
      post(this.#thread, { type: 'close' });
      await this.#thread.ended.promise;
    }
    this.#state = 'closed';
    // Who asked before there was a thread finds that there is none.
    this.#started.resolve();
  }

  #sendIn(ms: number): void {
    const dueMs = this.#options.clock.now() + ms;
    if (this.#timer && this.#dueMs <= dueMs) return;
    this.#timer?.cancel();
    this.#dueMs = dueMs;
    this.#timer = this.#options.clock.after(ms, () => this.#send(), { ref: false });
  }

  #send(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#state !== 'running' || this.#steps.length === 0) return;
    const thread = this.#running();
    const steps = this.#steps;
    const bytes = this.#batchBytes;
    this.#steps = [];
    this.#batchBytes = 0;
    if (!thread) {
      this.#waitingBytes -= bytes;
      return;
    }
    this.#requests += 1;
    this.#written.set(this.#requests, bytes);
    post(thread, { type: 'steps', id: this.#requests, steps });
  }

  /** Undefined when none can be had: whoever records was told. */
  #running(): Thread | undefined {
    try {
      this.#thread ??= this.#spawn();
      return this.#thread;
    } catch (thrown) {
      this.#options.onLost(
        'all',
        `the thread that writes recordings cannot be started: ${messageOf(thrown)}`,
      );
      return undefined;
    }
  }

  #spawn(): Thread {
    const { file, thread: data } = this.#options;
    const worker = new Worker(file, { name: 'recordings', workerData: data });
    const thread: Thread = { worker, ended: Promise.withResolvers(), fault: undefined };
    worker.on('message', (reply: RecorderReply) => this.#hear(reply));
    worker.on('error', (error) => {
      thread.fault = messageOf(error);
    });
    worker.on('exit', () => this.#ended(thread));
    return thread;
  }

  #hear(reply: RecorderReply): void {
    const { onTake, onLost, onRemoved, onLook, onNotice } = this.#options;
    switch (reply.type) {
      case 'written':
        this.#waitingBytes -= this.#written.get(reply.id) ?? 0;
        this.#written.delete(reply.id);
        return;
      case 'take':
        return onTake(reply.key, reply.take);
      case 'refused':
        return onLost(reply.key, reply.message);
      case 'removed':
        return onRemoved(reply.take);
      case 'looked':
        return onLook(reply.takes);
      case 'found':
        this.#asked.get(reply.id)?.(reply.found);
        this.#asked.delete(reply.id);
        return;
      case 'notice':
        return onNotice(reply.message);
    }
  }

  #ended(thread: Thread): void {
    this.#thread = undefined;
    const asked = this.#state === 'closing';
    const message = `the thread that writes recordings has ended${thread.fault === undefined ? '' : `: ${thread.fault}`}`;
    for (const bytes of this.#written.values()) this.#waitingBytes -= bytes;
    this.#written.clear();
    for (const resolve of this.#asked.values()) resolve({ state: 'failed', message });
    this.#asked.clear();
    // What it recorded is marked by the next one.
    if (!asked || thread.fault !== undefined) this.#options.onLost('all', message);
    thread.ended.resolve();
  }
}

function post({ worker }: Thread, request: RecorderRequest): void {
  worker.postMessage(request);
}
