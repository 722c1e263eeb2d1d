// The gateway's own life, as it comes: one stream of `greenroom.>`, looked for again for as long as the page is open.
// Whoever shows a part of it listens to its topics.
//
//     connecting ──welcome──▶ open ──`leaving`──▶ leaving ──the stream ends──▶ gone ──▶ connecting
import { signal } from '@preact/signals';
import { events, GreenroomError } from '../../../src/client/index.ts';
import { signedState } from './sign-in.ts';

export type LinkState = 'connecting' | 'open' | 'leaving' | 'gone' | 'signed_out';

interface OwnEvent {
  readonly id: string;
  readonly topic: string;
  readonly ts: number;
  readonly data: unknown;
}

export const linkState = signal<LinkState>('connecting');
/** Why there is no connection, in words. */
export const linkReason = signal('');
/** Counts the connections: another one may be to another gateway, and everything is to be asked again. */
export const linkCount = signal(0);

type Listener = (event: OwnEvent) => void;

const againMs = 400;
const listeners = new Set<{ readonly prefix: string; readonly told: Listener }>();
let asked = Promise.withResolvers<void>();

/** @param prefix of topics, such as `greenroom.engine.`; returns its undo */
export function onOwn(prefix: string, told: Listener): () => void {
  const listener = { prefix, told };
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** Who has signed in, or does not want to wait, tries at once. */
export function tryNow(): void {
  asked.resolve();
}

export async function followGateway(): Promise<never> {
  for (;;) {
    await once();
    asked = Promise.withResolvers();
    const waiting = linkState.value === 'signed_out' ? Number.POSITIVE_INFINITY : againMs;
    await Promise.race([asked.promise, after(waiting)]);
  }
}

async function once(): Promise<void> {
  if (linkState.value !== 'gone') linkState.value = 'connecting';
  const stream = events(location.origin, { topics: ['greenroom.>'], snapshot: true, reconnect: false });
  stream.on('welcome', () => {
    linkState.value = 'open';
    linkReason.value = '';
    linkCount.value += 1;
  });
  try {
    for await (const event of stream) tell(event);
    lost('the gateway has left');
  } catch (thrown) {
    if (thrown instanceof GreenroomError && isRefusal(thrown)) {
      linkState.value = 'signed_out';
      signedState.value = 'signed_out';
      linkReason.value = thrown.message;
    } else lost(thrown instanceof Error ? thrown.message : String(thrown));
  }
}

function tell(event: OwnEvent): void {
  // One of a snapshot tells of a gateway that is still here, so it is none of leaving.
  if (event.topic === 'greenroom.gateway.leaving') linkState.value = 'leaving';
  for (const { prefix, told } of [...listeners]) if (event.topic.startsWith(prefix)) told(event);
}

function lost(why: string): void {
  linkState.value = 'gone';
  linkReason.value = why;
}

const isRefusal = ({ code }: GreenroomError): boolean =>
  code === 'unauthorized' || code === 'topic_not_allowed' || code === 'origin_not_allowed';

const after = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    if (Number.isFinite(ms)) setTimeout(resolve, ms);
  });
