// What a watcher has received, in order: messages as they were, and what they mean.
import type { HubControl, HubEvent } from '../../wire/hub.ts';

export interface WatcherMessage {
  readonly text: string;
  /** On `performance.now()`. */
  readonly atMs: number;
  /** Of server-sent events. */
  readonly id?: string;
  readonly retryMs?: number;
}

/** An event, and when it came, on `performance.now()`. */
export type WatchedEvent = HubEvent & { readonly atMs: number };
export type WatchedControl = HubControl & { readonly atMs: number };

export class Received {
  /** All of them, of whatever kind. */
  readonly messages: WatcherMessage[] = [];
  readonly events: WatchedEvent[] = [];
  readonly controls: WatchedControl[] = [];
  /** When each sign of life came: pings, or comments of server-sent events. */
  readonly pings: number[] = [];

  /** @param kind what a stream of events says that it is; undefined: it is to be seen */
  add(message: WatcherMessage, kind?: 'control' | 'event'): void {
    this.messages.push(message);
    const read = parsed(message.text);
    if (typeof read !== 'object' || read === null) return;
    const { atMs } = message;
    const isControl = kind ? kind === 'control' : 'type' in read && !('topic' in read);
    if (isControl) this.controls.push({ ...(read as HubControl), atMs });
    else if ('topic' in read && 'id' in read) this.events.push({ ...(read as HubEvent), atMs });
  }

  /** The first one of this type. */
  control<Type extends HubControl['type']>(type: Type): Extract<WatchedControl, { type: Type }> | undefined {
    return this.controls.find(
      (control): control is Extract<WatchedControl, { type: Type }> => control.type === type,
    );
  }
}

/** With `envelope=off` it is whatever was published. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
