// One WebSocket that an engine answers itself, at `/engines/NAME/...`: it waits in the lobby as a request does, and is
// then passed through in both directions, each as fast as its reader. Owned by a scope of its own.
import { type ClientRequest, type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Endpoint, endpointText, requestTo } from '../../engines/endpoint.ts';
import { GreenroomError, messageOf, toGreenroomError } from '../../lifecycle/errors.ts';
import type { CloseReason } from '../../lifecycle/reasons.ts';
import type { Scope } from '../../lifecycle/scope.ts';
import { refuseSocket } from '../refusal.ts';
import { rawTarget } from './engine-paths.ts';
import { headersToCaller, queryToEngine, upgradeHeadersToEngine } from './proxy-headers.ts';
import type { Surroundings, UnderWay } from './surroundings.ts';

export interface UpgradeParts {
  readonly url: URL;
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

/** Nobody has anything to say before the handshake is answered. */
const earlyBytesMax = 64 * 1024;

export class EngineUpgrade implements UnderWay {
  readonly what = 'upgrade';
  readonly #parts: UpgradeParts;
  readonly #around: Surroundings;
  readonly #scope: Scope;
  #state: UnderWay['state'] = 'routing';
  #engine: string | undefined;
  #cause: GreenroomError | undefined;
  /** Came before there was anybody to take it; the connection is read so that its end is noticed. */
  #early: Buffer[];
  readonly #onEarly = (bytes: Buffer) => this.#came(bytes);

  constructor(parts: UpgradeParts, around: Surroundings, scope: Scope) {
    this.#parts = parts;
    this.#around = around;
    this.#scope = scope;
    const { socket, head } = parts;
    this.#early = [head];
    socket.on('data', this.#onEarly);
    socket.once('end', () => this.end('client_left'));
    socket.once('close', () => this.end('client_left'));
    scope.signal.addEventListener('abort', () => this.#aborted(), { once: true });
    scope.spawn('answer', (signal) => this.#run(signal));
  }

  get state(): UnderWay['state'] {
    return this.#state;
  }

  get engine(): string | undefined {
    return this.#engine;
  }

  end(reason: CloseReason, cause?: GreenroomError): void {
    this.#cause ??= cause;
    void this.#scope.close(reason);
  }

  #came(bytes: Buffer): void {
    this.#early.push(bytes);
    const held = this.#early.reduce((sum, { length }) => sum + length, 0);
    if (held > earlyBytesMax) this.#parts.socket.pause();
  }

  #aborted(): void {
    const { socket } = this.#parts;
    if (this.#state === 'answering' || socket.destroyed) return void socket.destroy();
    refuseSocket(socket, this.#cause ?? new GreenroomError('server_shutdown', 'the gateway is leaving'));
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { socket } = this.#parts;
    try {
      await this.#answer(signal);
    } catch (thrown) {
      if (signal.aborted) return;
      const error = toGreenroomError(thrown);
      this.#around.onFailure(this, error);
      if (this.#state === 'answering') socket.destroy();
      else refuseSocket(socket, error);
    }
    void this.#scope.close('done');
  }

  async #answer(signal: AbortSignal): Promise<void> {
    const { url } = this.#parts;
    const { engine: name, path } = rawTarget(url.pathname) ?? { engine: '', path: '/' };
    const engine = this.#around.engine(name);
    this.#engine = engine.name;
    this.#state = 'waiting';
    const reply = { wait: () => undefined };
    const lease = await this.#around.lobby.seat({ engine, reply, streamed: () => false, signal });
    try {
      if (signal.aborted) return lease.release('cancelled');
      const { endpoint } = lease.instance;
      if (endpoint === null)
        throw new GreenroomError('engine_call_unsupported', `engine ${engine.name} is not asked over HTTP`);
      await this.#join(endpoint, path + queryToEngine(url, ['token']), signal);
      lease.release(signal.aborted ? 'cancelled' : 'done');
    } catch (error) {
      lease.release(signal.aborted ? 'cancelled' : 'failed');
      throw error;
    }
  }

  /** Resolves when both sides have ended. */
  #join(endpoint: Endpoint, target: string, signal: AbortSignal): Promise<void> {
    const { request } = this.#parts;
    const outgoing = requestTo(endpoint, target, {
      method: 'GET',
      headers: upgradeHeadersToEngine(request.headers),
    });
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => outgoing.destroy(), { once: true });
      outgoing.on('upgrade', (response, socket, head) => {
        this.#state = 'answering';
        this.#through(response, socket, head);
        signal.addEventListener('abort', () => socket.destroy(), { once: true });
        socket.once('close', resolve);
      });
      outgoing.on('response', (response) => this.#refused(response, outgoing).then(resolve, reject));
      outgoing.on('error', (error) => {
        const what = `GET ${target.split('?')[0]} at ${endpointText(endpoint)}: ${messageOf(error)}`;
        reject(new GreenroomError('engine_call_failed', `engine ${this.#engine}: ${what}`, { cause: error }));
      });
      outgoing.end();
    });
  }

  #through(response: IncomingMessage, engine: Duplex, head: Buffer): void {
    const { socket } = this.#parts;
    socket.write(this.#around.mask(headOf(response, 'connection: Upgrade\r\nupgrade: websocket\r\n')));
    if (head.length > 0) socket.write(head);
    socket.off('data', this.#onEarly);
    for (const bytes of this.#early) if (bytes.length > 0) engine.write(bytes);
    this.#early = [];
    engine.on('error', () => socket.destroy());
    engine.once('close', () => socket.destroy());
    socket.once('close', () => engine.destroy());
    socket.pipe(engine);
    engine.pipe(socket);
  }

  /** It speaks no WebSocket there: its answer goes to the caller. */
  async #refused(response: IncomingMessage, outgoing: ClientRequest): Promise<void> {
    const { socket } = this.#parts;
    this.#state = 'answering';
    socket.write(this.#around.mask(headOf(response, 'connection: close\r\n')));
    socket.off('data', this.#onEarly);
    await pipeline(response, socket);
    outgoing.destroy();
  }
}

function headOf({ statusCode = 502, headers }: IncomingMessage, more: string): string {
  const lines = Object.entries(headersToCaller(headers, 'passed')).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((each) => `${name}: ${each}\r\n`),
  );
  return `HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode] ?? ''}\r\n${lines.join('')}${more}\r\n`;
}
