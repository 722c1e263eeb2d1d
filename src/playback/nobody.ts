// The connection of a session that has no caller: it takes everything at once, says nothing, and hangs up when it is told
// to. For a playback that has a session to itself.
import type { Transport, TransportHandlers } from '../sessions/transport.ts';
import type { WireText } from '../wire/text-frame.ts';

export class Nobody implements Transport {
  readonly remote = 'playback';
  #handlers: TransportHandlers | undefined;
  #state: 'open' | 'closed' = 'open';

  listen(handlers: TransportHandlers): void {
    this.#handlers = handlers;
  }

  send(_text: WireText, onFlushed: () => void): void {
    queueMicrotask(onFlushed);
  }

  pause(): void {
    // There is nothing to be read.
  }

  resume(): void {
    // Nor now.
  }

  ping(): void {
    if (this.#state === 'open') queueMicrotask(() => this.#handlers?.alive('pong'));
  }

  close(code: number, reason: string): void {
    this.#end(code, reason);
  }

  terminate(): void {
    this.#end(1006, '');
  }

  hangUp(): void {
    this.#end(1000, '');
  }

  #end(code: number, reason: string): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    queueMicrotask(() => this.#handlers?.closed(code, reason));
  }
}
