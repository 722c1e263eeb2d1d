// What a live call shows beyond what every call does. With a page (a terminal) its lines are short and coloured, and
// what comes and goes, the lobby for one, stands in the status line instead.
import type { ClientAudioDropped, ClientLine, ClientState } from '../../client/events.ts';
import type { ConnectionEnd } from '../../client/life-states.ts';
import { keepDefaults, type Said } from '../../client/outgoing.ts';
import type { LobbyNotice, TaskNotice } from '../../wire/notices.ts';
import type { CommandIo } from '../io.ts';
import { printable } from '../printable.ts';
import { seconds } from '../screen.ts';
import { widthOf, wrapped } from '../text-width.ts';
import type { Answer } from './answers.ts';
import type { LiveWord } from './live-state.ts';
import { quoted, TalkReport } from './report.ts';
import type { Paint, Style } from './status-line.ts';

/** The terminal that it is shown on. */
export interface Look {
  readonly paint: Paint;
  readonly columns: number;
  /** A line that holds colours, and nothing else that a terminal obeys. */
  painted(line: string): void;
}

const nameWidth = 8;

export class LiveReport extends TalkReport {
  /** Null: lines for a log. */
  readonly #look: Look | null;
  /** Lines that were typed and not delivered yet, to be named if they never are. */
  readonly #typed = new Map<string, string>();
  #speechFromMs = 0;
  #waitedSinceMs: number | undefined;
  #word: LiveWord | null = null;

  constructor(io: Pick<CommandIo, 'out' | 'err'>, form: 'lines' | 'json', look: Look | null) {
    super(io, form);
    this.#look = look;
  }

  override opened(url: string): void {
    if (!this.#look) return super.opened(url);
    // The path and what is asked for by itself are the same for everybody.
    const place = url.replace(/\/v1\/realtime/, '').replace(/[?&]notices=1/, '');
    this.#show(['green', '● open'], place);
  }

  /** `microphone`, `playback`: the programs; null: none. */
  started(facts: { readonly microphone: string | null; readonly playback: string | null }): void {
    const { microphone, playback } = facts;
    const heard = microphone ? `recording with ${microphone}` : 'no microphone: lines are typed';
    const played = playback ? `playing with ${playback}` : 'answers are shown, not played';
    this.json({ event: 'started', ...facts });
    this.#show(null, `${heard}, ${played}`);
    // Without headphones the answer would be heard, and answered.
    if (microphone && playback) this.#show(null, 'use headphones, or the microphone hears the answers');
    if (this.#look) this.io.err('');
  }

  override lobby(notice: LobbyNotice, nowMs: number): void {
    if (!this.#look || notice.state === 'failed') return super.lobby(notice, nowMs);
    this.#waitedSinceMs ??= nowMs;
    if (notice.state === 'waiting') return;
    const waitedMs = nowMs - this.#waitedSinceMs;
    this.#waitedSinceMs = undefined;
    if (waitedMs > 0) this.#show(['green', '● ready'], `after ${seconds(waitedMs)}`);
  }

  override speech(event: 'speech_started' | 'speech_stopped', ms: number): void {
    if (!this.#look) return super.speech(event, ms);
    if (event === 'speech_started') this.#speechFromMs = ms;
    else this.#show(['bold', 'you'], `${seconds(ms - this.#speechFromMs)} of speech`);
  }

  override answer(answer: Answer, exitCode = 1): void {
    if (!this.#look) return super.answer(answer, exitCode);
    const { failure, status, transcript, audioMs } = answer;
    const how = status === 'completed' ? '' : `  ${status}`;
    const text = transcript === '' ? 'speech' : transcript;
    this.#show(['cyan', 'answer'], text, `${seconds(audioMs)}${how}`);
    if (failure) this.error(failure.code, failure.message, exitCode);
  }

  override transcript(text: string): void {
    if (!this.#look) return super.transcript(text);
    if (text !== '') this.#show(['bold', 'you'], `“${text}”`);
  }

  override notice(notice: Parameters<TalkReport['notice']>[0]): void {
    // That it is leaving is said once, as the reason why we are.
    if (!this.#look) super.notice(notice);
  }

  override closed(end: ConnectionEnd, what: 'expected' | 'unexpected'): void {
    if (!this.#look) return super.closed(end, what);
    const { code, reason, cause } = end;
    if (what === 'expected')
      return this.#show(
        null,
        `the call has ended${reason && cause !== 'asked' ? `: ${code} ${reason}` : ''}`,
      );
    this.#show(['red', '○ ended'], `${code} ${reason || 'the connection was lost'}`);
    this.fault(1);
  }

  state(word: LiveWord): void {
    if (word === this.#word) return;
    this.#word = word;
    this.json({ event: 'state', state: word });
  }

  said(text: string, { itemId, state }: Said): void {
    this.json({ event: 'said', text, itemId, state });
    if (state === 'refused') {
      const { characters, lines } = keepDefaults;
      const limit = `at most ${characters} characters in ${lines} lines are kept until they are sent`;
      // It got no id at all: typed when the end had come, which is nobody's fault.
      const [why, exitCode] = itemId === '' ? (['the call has ended', 0] as const) : ([limit, 1] as const);
      return this.error('not_sent', `${quoted(text)} was not sent: ${why}`, exitCode);
    }
    this.#typed.set(itemId, text);
    const later = state === 'kept' ? '  (kept until there is a connection)' : '';
    this.#show(['bold', 'you'], `${text}${later}`);
  }

  line({ itemId, state, reason }: ClientLine): void {
    const text = this.#typed.get(itemId);
    this.#typed.delete(itemId);
    this.json({ event: 'line', itemId, state, reason });
    if (state === 'delivered' || text === undefined) return;
    const words = {
      refused: 'was refused',
      undelivered: 'was not sent',
      unconfirmed: 'may not have arrived',
    };
    this.#show(['yellow', 'lost'], `${quoted(text)} ${words[state]}${reason ? `: ${reason}` : ''}`);
  }

  dropped({ ms, bytes, why }: ClientAudioDropped): void {
    this.json({ event: 'dropped', ms, bytes, why });
    // What was kept when the call ended was not going to be heard.
    if (why !== 'closed') this.#show(['yellow', 'lost'], `${seconds(ms)} of speech could not be kept`);
  }

  away({ reason, attempt, retryMs }: ClientState, first: 'first' | 'again'): void {
    this.json({ event: 'reconnecting', reason, attempt, retryMs });
    if (first === 'first' || !this.#look) this.#show(['red', '○ lost'], `${reason}; trying again`);
  }

  back(conversation: ClientState['conversation']): void {
    const resumed = conversation === 'resumed';
    this.json({ event: resumed ? 'resumed' : 'reconnected' });
    const what = resumed ? 'the conversation goes on' : 'it is a new conversation';
    this.#show(['green', '● open'], `again; ${what}`);
  }

  interrupted(itemId: string, heardMs: number): void {
    this.json({ event: 'interrupted', itemId, heardMs });
  }

  override remark(code: string, text: string): void {
    this.json({ event: 'remark', code, message: text });
    this.#show(['yellow', 'note'], text);
  }

  leaving(why: string): void {
    this.json({ event: 'leaving', why });
    this.#show(null, `leaving: ${why}`);
  }

  stopped(what: 'microphone' | 'playback', ms: number, how: string): void {
    this.json({ event: 'stopped', what, ms: Math.round(ms), how });
  }

  protected override showTask(task: TaskNotice, result: string): void {
    if (!this.#look) return super.showTask(task, result);
    this.#show(
      [task.state === 'failed' ? 'red' : 'cyan', 'task'],
      result || (task.state === 'cancelled' ? `cancelled: ${task.message}` : task.message),
      result && task.name,
    );
  }

  protected override showError(code: string, message: string): void {
    if (!this.#look) return super.showError(code, message);
    this.#show(['red', 'error'], message, `[${code}]`);
  }

  /** `note` stands behind the text, dim. A log has lines as long as it takes. */
  #show(name: readonly [Style, string] | null, text: string, note = ''): void {
    if (!this.#look) {
      const start = name ? name[1].padEnd(nameWidth) : '';
      return this.io.err(`  ${start}${text}${note && `  ${note}`}`);
    }
    const { paint, columns } = this.#look;
    const indent = ' '.repeat(name ? nameWidth + 2 : 2);
    const width = Math.max(10, columns - indent.length - 1);
    const lines = wrapped(printable(text).replaceAll('\t', ' '), width).map((line) =>
      name ? line : paint('dim', line),
    );
    if (note !== '') {
      const [first = '', ...rest] = wrapped(printable(note), width);
      const fits = widthOf(lines.at(-1) ?? '') + 2 + widthOf(first) <= width;
      const before = fits ? `${lines.pop()}  ` : '';
      lines.push(before + paint('dim', first), ...rest.map((line) => paint('dim', line)));
    }
    const start = name ? paint(name[0], name[1].padEnd(nameWidth)) : '';
    this.#look.painted(`  ${start}${lines.join(`\n${indent}`)}`);
  }
}
