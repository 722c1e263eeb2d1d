// What a call is, from its events: what was said and answered, how the answers came about, how the lobby stands. Pure:
// the time of each event is given.
import type { ConnectionEvent, LobbyNotice } from '../../../src/client/index.ts';
import { type Answer, answerStep, firstOf } from './latency.ts';

interface Line {
  readonly id: string;
  readonly who: 'you' | 'answer' | 'notice' | 'task';
  readonly text: string;
  /** `partial`: it still grows; `cut`: it was not heard to its end. */
  readonly state: 'partial' | 'whole' | 'cut' | 'failed';
  readonly atMs: number;
}

export interface Conversation {
  /** Until the gateway has said so: `calling`. */
  readonly state: 'calling' | 'lobby' | 'ready' | 'responding' | 'reconnecting' | 'ended';
  readonly speech: 'silent' | 'speaking';
  readonly lobby: LobbyNotice | null;
  readonly lines: readonly Line[];
  /** The newest last. */
  readonly answers: readonly Answer[];
  readonly response: string | null;
  /** When the caller was done with what is answered next, ms. */
  readonly saidMs: number | null;
  readonly heardMs: number | null;
  readonly session: string | null;
  /** Why it is over, or is being looked for again, in words. */
  readonly reason: string;
  /** `nothing`: what is said is not taken. */
  readonly hears: string;
}

export const firstConversation: Conversation = {
  ...{ state: 'calling', speech: 'silent', lobby: null, lines: [], answers: [], response: null },
  ...{ saidMs: null, heardMs: null, session: null, reason: '', hears: 'sound' },
};

const linesMax = 300;
const answersMax = 20;

export function next(before: Conversation, event: ConnectionEvent, nowMs: number): Conversation {
  switch (event.type) {
    case 'session.created': {
      const { id } = event.session as { id?: string };
      return {
        ...before,
        session: id ?? null,
        state: before.lobby?.state === 'ready' ? 'ready' : before.state,
      };
    }
    case 'greenroom.lobby': {
      const state = event.state === 'ready' ? (before.response ? 'responding' : 'ready') : 'lobby';
      return { ...before, lobby: event, state };
    }
    case 'greenroom.notice':
      if (event.code === 'hearing')
        return withLine(before, { ...lineOf(event.item_id, 'you', event.message, nowMs), state: 'partial' });
      return withLine(before, lineOf(`notice-${event.event_id}`, 'notice', event.message, nowMs));
    case 'greenroom.task':
      return withLine(
        before,
        lineOf(`task-${event.id}`, 'task', `${event.name}: ${event.message || event.state}`, nowMs),
      );
    case 'error':
      return withLine(before, {
        ...lineOf(`error-${event.event_id}`, 'notice', event.error.message, nowMs),
        state: 'failed',
      });
    case 'client.state':
      return stateChanged(before, event.state, event.reason);
    case 'input_audio_buffer.speech_started':
      return { ...before, speech: 'speaking' };
    case 'input_audio_buffer.speech_stopped':
      return { ...before, speech: 'silent', saidMs: nowMs, heardMs: null };
    case 'input_audio_buffer.committed':
      return { ...before, saidMs: before.saidMs ?? nowMs };
    default:
      return spoken(before, event, nowMs);
  }
}

function spoken(before: Conversation, event: ConnectionEvent, nowMs: number): Conversation {
  switch (event.type) {
    case 'conversation.item.added': {
      const { item } = event;
      if (item.type !== 'message' || item.role !== 'user' || item.id === undefined) return before;
      const typed = item.content.some(({ type }) => type === 'input_text');
      const text = textOf(item.content);
      const line = lineOf(item.id, 'you', text || '…', nowMs);
      const saidMs = typed ? nowMs : (before.saidMs ?? nowMs);
      return withLine({ ...before, saidMs }, { ...line, state: text ? 'whole' : 'partial' });
    }
    case 'conversation.item.input_audio_transcription.delta':
      return grown(before, event.item_id, 'you', event.delta, nowMs);
    case 'conversation.item.input_audio_transcription.completed':
      return {
        ...withLine(before, lineOf(event.item_id, 'you', event.transcript || '(no words)', nowMs)),
        heardMs: nowMs,
      };
    case 'conversation.item.input_audio_transcription.failed':
      return withLine(before, {
        ...lineOf(event.item_id, 'you', event.error.message, nowMs),
        state: 'failed',
      });
    case 'conversation.item.truncated':
      return changed(before, event.item_id, (line) => ({ ...line, state: 'cut' }));
    case 'response.output_audio_transcript.delta':
    case 'response.output_text.delta':
      return answerStep(grown(before, event.item_id, 'answer', event.delta, nowMs), event.response_id, {
        wordMs: nowMs,
      });
    case 'response.output_audio_transcript.done':
      return withLine(before, lineOf(event.item_id, 'answer', event.transcript, nowMs));
    case 'response.output_audio.delta':
      return answerStep(before, event.response_id, { soundMs: nowMs });
    case 'response.created':
      return {
        ...{ ...before, state: 'responding', response: event.response.id, saidMs: null, heardMs: null },
        answers: [...before.answers, firstOf(before, event.response.id, nowMs)].slice(-answersMax),
      };
    case 'response.done': {
      const { id, status, status_details: details } = event.response;
      const done = answerStep(before, id, { endMs: nowMs, status });
      const state = before.state === 'responding' ? 'ready' : before.state;
      const ended: Conversation = {
        ...done,
        state,
        response: before.response === id ? null : before.response,
      };
      const why = details?.error?.message;
      return why === undefined
        ? ended
        : withLine(ended, { ...lineOf(`failed-${id}`, 'notice', why, nowMs), state: 'failed' });
    }
    default:
      return before;
  }
}

function stateChanged(before: Conversation, state: string, reason: string): Conversation {
  if (state === 'closed') return { ...before, state: 'ended', speech: 'silent', response: null, reason };
  if (state === 'reconnecting')
    return { ...before, state: 'reconnecting', speech: 'silent', response: null, reason };
  if (state === 'open')
    return { ...before, state: before.lobby?.state === 'ready' ? 'ready' : 'lobby', reason: '' };
  return before;
}

const lineOf = (id: string, who: Line['who'], text: string, atMs: number): Line => ({
  id,
  who,
  text,
  state: 'whole',
  atMs,
});

const textOf = (content: readonly { readonly type: string }[]): string =>
  content
    .map((part) => {
      const { text, transcript } = part as { text?: string; transcript?: string | null };
      return text ?? transcript ?? '';
    })
    .join(' ')
    .trim();

function withLine(before: Conversation, line: Line): Conversation {
  const at = before.lines.findIndex(({ id }) => id === line.id);
  if (at < 0) return { ...before, lines: [...before.lines, line].slice(-linesMax) };
  const lines = [...before.lines];
  // It stays where and when it began.
  lines[at] = { ...line, atMs: lines[at]?.atMs ?? line.atMs };
  return { ...before, lines };
}

function grown(
  before: Conversation,
  id: string,
  who: Line['who'],
  delta: string,
  atMs: number,
): Conversation {
  const known = before.lines.find((line) => line.id === id);
  const text = known && known.text !== '…' ? known.text + delta : delta;
  return withLine(before, { id, who, text, state: 'partial', atMs });
}

function changed(before: Conversation, id: string, change: (line: Line) => Line): Conversation {
  return { ...before, lines: before.lines.map((line) => (line.id === id ? change(line) : line)) };
}
