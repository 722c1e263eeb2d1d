// Random inputs for a conversation: any at any time, in any order, also those that a well-behaved shell would not give.
// They are data with small numbers, so that a failure shrinks and prints; the numbers pick from what is there.
import fc from 'fast-check';
import { audioChunk, type Rig } from './rig.ts';

const pick = fc.nat({ max: 9 });
const ms = fc.oneof(fc.nat({ max: 50 }), fc.nat({ max: 3000 }));

const whose = fc.constantFrom('current', 'current', 'current', 'aside', 'aside', 'late');

const client = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(fc.constant('create'), pick, pick) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('delete'), pick) },
  fc.tuple(fc.constant('retrieve'), pick),
  { weight: 2, arbitrary: fc.tuple(fc.constant('truncate'), pick, fc.nat({ max: 2 })) },
  { weight: 5, arbitrary: fc.tuple(fc.constant('ask'), fc.constantFrom('audio', 'text', null)) },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.constant('ask aside'), fc.constantFrom('whole', 'refer', 'given', 'calls'), pick),
  },
  fc.tuple(fc.constant('result'), pick),
  fc.tuple(fc.constant('cancel'), fc.constantFrom('current', 'aside', 'other', null)),
  fc.tuple(fc.constant('commit')),
  fc.tuple(fc.constant('clear')),
  fc.tuple(fc.constant('clear output')),
  fc.tuple(fc.constant('update'), pick),
  fc.tuple(fc.constant('limit'), fc.nat({ max: 60 })),
  fc.tuple(fc.constant('become'), fc.constantFrom('transcription', 'realtime', 'realtime')),
  fc.tuple(fc.constant('garbage')),
);

const shell = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constant('append'), ms) },
  fc.tuple(fc.constant('drop'), ms, fc.constantFrom('', 'over the bound')),
  { weight: 4, arbitrary: fc.tuple(fc.constant('speech'), fc.integer({ min: -3000, max: 100 })) },
  { weight: 4, arbitrary: fc.tuple(fc.constant('silence'), fc.integer({ min: -3000, max: 100 })) },
  { weight: 14, arbitrary: fc.tuple(fc.constant('text'), whose, fc.string()) },
  {
    weight: 6,
    arbitrary: fc.tuple(fc.constant('audio'), whose, fc.nat({ max: 9 })),
  },
  { weight: 2, arbitrary: fc.tuple(fc.constant('call'), whose, fc.nat({ max: 2 })) },
  fc.tuple(fc.constant('ending'), whose, fc.constantFrom(null, 'max_output_tokens')),
  { weight: 2, arbitrary: fc.tuple(fc.constant('transcript'), whose, fc.constantFrom('', 'a', 'ab', 'b')) },
  { weight: 4, arbitrary: fc.tuple(fc.constant('heard'), whose, fc.constantFrom('', 'ab', 'ab')) },
  fc.tuple(fc.constant('unheard'), whose),
  { weight: 3, arbitrary: fc.tuple(fc.constant('end'), whose) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('summary'), pick) },
  fc.tuple(fc.constant('no summary'), pick),
  fc.tuple(fc.constant('fail'), whose),
  { weight: 8, arbitrary: fc.tuple(fc.constant('ready')) },
  fc.tuple(fc.constant('not ready')),
  fc.tuple(fc.constant('timeout')),
  { weight: 2, arbitrary: fc.tuple(fc.constant('silent')) },
);

export type RandomInput = readonly [string, ...unknown[]];

export const randomInputs: fc.Arbitrary<RandomInput[]> = fc.array(
  fc.oneof(
    { weight: 150, arbitrary: client },
    { weight: 250, arbitrary: shell },
    { weight: 1, arbitrary: fc.tuple(fc.constant('failed for good')) },
  ),
  { size: 'large', maxLength: 120 },
);

const updates = [
  { turn_detection: null },
  { turn_detection: { type: 'server_vad' } },
  { turn_detection: { type: 'server_vad', interrupt_response: false } },
  { turn_detection: { type: 'server_vad', create_response: false } },
  { turn_detection: { type: 'semantic_vad', eagerness: 'high' } },
  { turn_detection: { type: 'server_vad', idle_timeout_ms: 5000 } },
  { format: { type: 'audio/pcmu' } },
  { format: { type: 'audio/pcm', rate: 16_000 } },
] as const;

/** Ids that may be there, were there, are announced, or never were. */
function idOf(rig: Rig, at: number): string {
  const ids = [
    ...rig.itemIds.slice(-4),
    rig.state.input.turn?.itemId,
    rig.state.response?.itemId,
    'item_x',
    'item_y',
  ];
  return ids[at % ids.length] ?? 'item_z';
}

/** The last answer. */
function spokenId(rig: Rig): string {
  return (
    rig.state.items.findLast((item) => item.type === 'message' && item.role === 'assistant')?.id ?? 'item_x'
  );
}

export function give(rig: Rig, [name, a, b]: RandomInput): void {
  const eventId = `e${rig.events.length}-${rig.inputs.length}`;
  const send = (type: string, rest: object = {}) => rig.client({ type, event_id: eventId, ...rest });
  const { endSample } = rig.state.input;
  const responseId = a === 'late' ? 'resp_late' : a === 'aside' ? rig.asideId : rig.responseId;
  const heardId = a === 'late' ? (rig.itemIds[0] ?? 'item_x') : rig.hearing;
  switch (name) {
    case 'create': {
      const content = [{ type: 'input_text', text: 'x' }];
      const places = [undefined, null, 'root', idOf(rig, Number(b))];
      const id = Number(a) < 5 ? {} : { id: idOf(rig, Number(a)) };
      const item = { ...id, type: 'message', role: Number(b) === 9 ? 'system' : 'user', content };
      return void send('conversation.item.create', { item, previous_item_id: places[Number(b) % 4] });
    }
    case 'delete':
    case 'retrieve':
      return void send(`conversation.item.${name}`, { item_id: idOf(rig, Number(a)) });
    case 'truncate':
      return void send('conversation.item.truncate', {
        item_id: Number(a) < 6 ? spokenId(rig) : idOf(rig, Number(a)),
        content_index: 0,
        audio_end_ms: b,
      });
    case 'ask':
      return void send('response.create', {
        response: { metadata: { ask: eventId }, ...(a !== null && { output_modalities: [a] }) },
      });
    case 'ask aside': {
      const input = inputFor(rig, a, Number(b));
      return void send('response.create', {
        response: {
          ...{ metadata: { ask: eventId }, conversation: Number(b) < 8 ? 'none' : 'auto' },
          ...(input && { input }),
        },
      });
    }
    case 'result': {
      const calls = rig.state.items.filter(({ type }) => type === 'function_call');
      const call = calls[Number(a) % (calls.length + 1)];
      const callId = call?.type === 'function_call' ? call.call_id : 'call_x';
      const item = { type: 'function_call_output', call_id: callId, output: '{}' };
      return void send('conversation.item.create', { item });
    }
    case 'silent':
      return void rig.feed({ type: 'idle_timeout' });
    case 'cancel':
      return void send(
        'response.cancel',
        a === null ? {} : { response_id: a === 'other' ? 'resp_x' : responseId },
      );
    case 'commit':
      return void send('input_audio_buffer.commit');
    case 'clear':
      return void send('input_audio_buffer.clear');
    case 'clear output':
      return void send('output_audio_buffer.clear');
    case 'update':
      return void send('session.update', {
        session: { audio: { input: updates[Number(a) % updates.length] } },
      });
    case 'limit': {
      const limits = { token_limits: { post_instructions: Number(a) } };
      const truncation = { type: 'retention_ratio', retention_ratio: 0.7, ...limits };
      return void send('session.update', { session: { truncation } });
    }
    case 'become':
      return void send('session.update', { session: { type: a } });
    case 'garbage':
      return void send('session.destroy');
    case 'append':
      return rig.append(Number(a));
    case 'drop':
      return void rig.feed({ type: 'audio_dropped', toSample: endSample - Number(a) * 24, why: String(b) });
    case 'speech':
      return void rig.feed({ type: 'speech_started', atSample: Math.max(0, endSample + Number(a) * 24) });
    case 'silence':
      return void rig.feed({ type: 'speech_stopped', atSample: Math.max(0, endSample + Number(a) * 24) });
    case 'text':
      return void rig.feed({ type: 'output', responseId, chunk: { type: 'text', text: String(b) } });
    case 'audio':
      return void rig.feed({
        type: 'output',
        responseId,
        chunk: audioChunk(new Int16Array(Number(b))),
      });
    case 'call': {
      const chunk = {
        type: 'call',
        callId: `call_${b}`,
        name: 'f',
        arguments: '{}'.slice(0, Number(b)),
      } as const;
      return void rig.feed({ type: 'output', responseId, chunk });
    }
    case 'ending': {
      const cutBy = b === null ? null : 'max_output_tokens';
      return void rig.feed({ type: 'output', responseId, chunk: { type: 'ending', cutBy, usage: null } });
    }
    case 'transcript':
      return void rig.feed({ type: 'transcript', itemId: heardId, text: String(b) });
    case 'heard':
      return void rig.feed({ type: 'transcript_ended', itemId: heardId, text: String(b), samples: 240 });
    case 'unheard':
      return void rig.feed({
        ...{ type: 'transcript_failed', itemId: heardId, code: 'engine_exited', message: 'gone' },
      });
    case 'summary': {
      const id = `task_${a}`;
      const metadata = { task: id, summary: eventId };
      const request = { id, instructions: 'Tell it.', prompt: 'Tell me.', voice: null, metadata };
      return void rig.feed({ type: 'speak', request });
    }
    case 'no summary':
      return void rig.feed({ type: 'unspeak', id: `task_${a}` });
    case 'end':
      return void rig.feed({ type: 'output_ended', responseId });
    case 'fail':
      return void rig.feed({
        type: 'output_failed',
        responseId,
        code: 'engine_call_failed',
        message: 'broke',
      });
    case 'ready':
      return void rig.ready();
    case 'not ready':
      return void rig.feed({ type: 'not_ready' });
    case 'timeout':
      return void rig.feed({ type: 'lobby_timeout', waitedMs: 1, missing: 'everything' });
    case 'failed for good':
      return void rig.feed({ type: 'engine_failed', code: 'engine_exited', message: 'gone' });
    default:
      throw new Error(`unknown input ${name}`);
  }
}

/** What a response is asked with in place of the conversation. */
function inputFor(rig: Rig, kind: unknown, at: number): readonly object[] | null {
  if (kind === 'whole') return null;
  if (kind === 'refer') return [{ type: 'item_reference', id: idOf(rig, at) }];
  const said = { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'x' }] };
  if (kind === 'given') return at === 0 ? [] : [said];
  return [
    { type: 'function_call', call_id: 'call_a', name: 'f', arguments: '{}' },
    { type: 'function_call_output', call_id: at < 6 ? 'call_a' : 'call_b', output: '1' },
  ];
}

/** Lets everything that was begun come to its end. */
export function settle(rig: Rig): void {
  rig.ready();
  rig.client({ type: 'input_audio_buffer.clear' });
  while (rig.hearing !== 'item_none') rig.heard('at last');
  const most = 2 + rig.state.internal.length;
  for (let answers = 0; rig.state.response; answers += 1) {
    if (answers > most) throw new Error('answers without end');
    rig.end();
  }
  while (rig.state.asides.length > 0) rig.feed({ type: 'output_ended', responseId: rig.asideId });
}
