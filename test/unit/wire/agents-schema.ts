// The schemas of @openai/agents-realtime, taken from the installed package. It falls back to a generic event for what
// it cannot read, and dies of a message item that its history cannot hold; here both are failures.
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';

interface Schema {
  safeParse(value: unknown): { readonly success: boolean; readonly error?: { readonly message: string } };
}

interface EventsModule {
  readonly realtimeServerEventSchema: Schema;
  parseRealtimeEvent(message: { readonly data: string }): { readonly isGeneric: boolean };
}

const dist = pathToFileURL(`${dirname(createRequire(import.meta.url).resolve('@openai/agents-realtime'))}/`);
const load = async <Module>(file: string) =>
  (await import(/* @vite-ignore */ new URL(file, dist).href)) as Module;

const { realtimeServerEventSchema, parseRealtimeEvent } =
  await load<EventsModule>('openaiRealtimeEvents.mjs');
const { realtimeMessageItemSchema } = await load<{ readonly realtimeMessageItemSchema: Schema }>('items.mjs');

export interface WireEvent {
  readonly type: string;
  readonly event_id: string;
  readonly [key: string]: unknown;
}

interface ShownItem {
  readonly id: string;
  readonly type: string;
  readonly role?: string;
  readonly content?: unknown;
  readonly status?: string;
}

/** Why the SDK would not take this event for what it is; null when it does. */
export function whyNotUnderstood(event: WireEvent): string | null {
  const data = JSON.stringify(event);
  const parsed = realtimeServerEventSchema.safeParse(JSON.parse(data));
  if (!parsed.success) return `${data}\n${parsed.error?.message}`;
  if (parseRealtimeEvent({ data }).isGeneric) return `${data}\ntaken for a generic event`;
  const item = event['item'] as ShownItem | undefined;
  if (item?.type !== 'message') return null;
  // As OpenAIRealtimeBase._onMessage does it.
  const { id: itemId, type, role, content, status } = item;
  const message = realtimeMessageItemSchema.safeParse({ itemId, type, role, content, status });
  return message.success ? null : `${data}\n${message.error?.message}`;
}
