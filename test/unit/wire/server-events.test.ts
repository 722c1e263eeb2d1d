// The check that every other test leans on: would a wrong event be noticed? And, for the compiler: what we send is what
// the types of the OpenAI SDK say a client may rely on.
import type { ConversationItem, RealtimeServerEvent } from 'openai/resources/realtime/realtime';
import { describe, expect, test } from 'vitest';
import type { Item } from '../../../src/wire/items.ts';
import type { ServerEvent } from '../../../src/wire/server-events.ts';
import type { PcmFormat } from '../../../src/wire/session-config.ts';
import { Rig, wordsAndSpeech } from '../realtime/rig.ts';
import { type WireEvent, whyNotUnderstood } from './agents-schema.ts';

/**
 * As the SDK writes its types: nothing read-only, and left out where we say null. Its items are by role, ours are not;
 * and it has one rate of PCM: a client that is shown another has asked for it.
 */
type AsWritten<T> = T extends null
  ? never
  : T extends Item
    ? ConversationItem
    : T extends PcmFormat
      ? { type: T['type']; rate: 24000 }
      : T extends readonly (infer Each)[]
        ? AsWritten<Each>[]
        : T extends object
          ? { -readonly [Key in keyof T]: AsWritten<T[Key]> }
          : T;

/** Without what only those who ask for it are sent, and the SDK does not know. */
type Ours = Exclude<
  ServerEvent,
  {
    type: `greenroom.${string}` | 'transcription_session.updated' | 'input_audio_buffer.timeout_triggered';
  }
>;
/** A session is what the client made of it: only the owners of tools and the like know their shape. */
type Checked = Exclude<Ours['type'], 'session.created' | 'session.updated'>;
type OurEvent<Type> = Ours extends infer Event
  ? Event extends { readonly type: infer Types }
    ? Type extends Types
      ? Event & { readonly type: Type; readonly event_id: string }
      : never
    : never
  : never;

/** Each of our events can be read as the SDK's event of the same type: does not compile otherwise. */
const readable = {} as { [Type in Checked]: AsWritten<OurEvent<Type>> } satisfies {
  [Type in Checked]: Extract<RealtimeServerEvent, { type: Type }>;
};

function everyEvent(): ReadonlyMap<string, WireEvent> {
  const rig = new Rig(wordsAndSpeech).ready();
  rig.speak(1000);
  rig.feed({ type: 'transcript', itemId: rig.hearing, text: 'Good' });
  rig.heard('Good day.');
  rig.output('Hello.');
  rig.output(200);
  rig.end();
  rig.client({ type: 'conversation.item.retrieve', item_id: rig.itemIds[0] });
  rig.client({
    type: 'conversation.item.truncate',
    item_id: rig.itemIds[1],
    content_index: 0,
    audio_end_ms: 100,
  });
  rig.client({ type: 'conversation.item.delete', item_id: rig.itemIds[1] });
  rig.client({ type: 'input_audio_buffer.clear' });
  rig.client({ type: 'session.update', session: { output_modalities: ['text'] } });
  rig.client({ type: 'response.create' });
  rig.output('Hello.');
  rig.output({ type: 'call', callId: 'call_1', name: 'look', arguments: '{}' });
  rig.client({ type: 'response.cancel' });
  rig.client({ type: 'response.cancel' });
  rig.speak(1000);
  rig.unheard();
  return new Map(rig.events.map((event) => [event.type, event as never]));
}

/** A field without which the event is another, or none. */
const needed: Readonly<Record<string, string | null>> = {
  'session.created': 'event_id',
  'session.updated': 'event_id',
  'conversation.created': 'conversation',
  'conversation.item.added': 'item',
  'conversation.item.done': 'item',
  'conversation.item.retrieved': 'item',
  'conversation.item.deleted': 'item_id',
  'conversation.item.truncated': 'audio_end_ms',
  'input_audio_buffer.committed': 'item_id',
  'input_audio_buffer.cleared': 'event_id',
  'input_audio_buffer.speech_started': 'audio_start_ms',
  'input_audio_buffer.speech_stopped': 'audio_end_ms',
  'conversation.item.input_audio_transcription.delta': 'item_id',
  'conversation.item.input_audio_transcription.completed': 'transcript',
  'conversation.item.input_audio_transcription.failed': 'error',
  'response.function_call_arguments.delta': 'delta',
  'response.function_call_arguments.done': 'arguments',
  'response.created': 'response',
  'response.done': 'response',
  'response.output_item.added': 'item',
  'response.output_item.done': 'response_id',
  'response.content_part.added': 'part',
  'response.content_part.done': 'part',
  'response.output_audio.delta': 'delta',
  'response.output_audio.done': 'content_index',
  'response.output_audio_transcript.delta': 'delta',
  'response.output_audio_transcript.done': 'transcript',
  'response.output_text.delta': 'output_index',
  'response.output_text.done': 'text',
  // Of an error the schema asks for nothing but its type.
  error: null,
} satisfies Record<Ours['type'], string | null>;

describe('the check of our events against the schemas of the SDK', () => {
  const events = everyEvent();

  test('is made for every type of event that there is', () => {
    expect([...events.keys()].sort()).toEqual(Object.keys(needed).sort());
    expect(Object.keys(readable)).toEqual([]);
  });

  test.each(Object.entries(needed))('%s is understood, and is not without its %s', (type, field) => {
    const event = events.get(type) as WireEvent;
    expect(whyNotUnderstood(event)).toBeNull();
    if (!field) return;
    const { [field]: _, ...without } = event;
    expect(whyNotUnderstood(without as WireEvent)).not.toBeNull();
  });

  test.each<[string, object]>([
    ['a type that the SDK does not know', { type: 'conversation.item.created' }],
    ['audio of the user without a transcript', withContent([{ type: 'input_audio' }])],
    ['an image, which its schema does not have', withContent([{ type: 'input_image' }])],
    ['a message without content', withContent(undefined)],
    ['a status that is none', { type: 'response.done', response: { status: 'done' } }],
    [
      'a voice that is an object',
      { type: 'response.created', response: { audio: { output: { voice: {} } } } },
    ],
    ['a delta that is no text', { type: 'response.output_text.delta', delta: 5 }],
  ])('notices %s', (_what, changes) => {
    const { type } = changes as WireEvent;
    const event = { ...events.get(type), event_id: 'event_1', ...changes } as WireEvent;
    expect(whyNotUnderstood(event)).not.toBeNull();
  });
});

function withContent(content: unknown): object {
  const item = { id: 'item_1', type: 'message', status: 'completed', role: 'user', content };
  return { type: 'conversation.item.added', previous_item_id: null, item };
}
