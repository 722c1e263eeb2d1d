// What `talk` shows: lines for people, or one JSON object a line, and the exit code that what was shown amounts to.
import type { ConnectionEnd } from '../../client/life-states.ts';
import { factsOf } from '../../lifecycle/codes.ts';
import type { LobbyEngine, LobbyNotice, Notice, TaskNotice } from '../../wire/notices.ts';
import type { CommandIo } from '../io.ts';
import { seconds } from '../screen.ts';
import { cutEnd } from '../text-width.ts';
import type { Answer } from './answers.ts';

/** Races that nobody is to blame for. */
const harmlessErrors: readonly string[] = ['response_cancel_not_active', 'item_truncate_invalid_item_id'];
const quotedColumns = 60;
/** While nothing changes in the lobby, a line this often says that we are still there. */
const lobbyEveryMs = 5000;

export class TalkReport {
  protected readonly io: Pick<CommandIo, 'out' | 'err'>;
  protected readonly form: 'lines' | 'json';
  #exitCode = 0;
  /** What it is connected to, while that is to be told. */
  #opened: string | undefined;
  #ids: { readonly session: string | null; readonly conversation: string | null } = {
    session: null,
    conversation: null,
  };
  #lobbySinceMs: number | undefined;
  #lobbyShown = { key: '', atMs: 0 };

  constructor(io: Pick<CommandIo, 'out' | 'err'>, form: 'lines' | 'json') {
    this.io = io;
    this.form = form;
  }

  /** 0 while nothing went wrong. */
  get exitCode(): number {
    return this.#exitCode;
  }

  opened(url: string): void {
    this.io.err(`connected to ${url}`);
    this.#opened = url;
    this.named({});
  }

  /** The gateway's names of the call: they are its first words, and `open` waits for them. */
  named(ids: { readonly session?: string; readonly conversation?: string }): void {
    this.#ids = { ...this.#ids, ...ids };
    if (this.#ids.session !== null && this.#ids.conversation !== null) this.#tellOpen();
  }

  /** `ready` is the Ding. */
  lobby({ state, engines, error }: LobbyNotice, nowMs: number): void {
    this.json({ event: 'lobby', state, engines, ...(error && { error }) });
    this.#lobbySinceMs ??= nowMs;
    const key = state + engines.map(shownKey).join(';');
    const { key: shown, atMs } = this.#lobbyShown;
    if (key === shown && (state !== 'waiting' || nowMs - atMs < lobbyEveryMs)) return;
    this.#lobbyShown = { key, atMs: nowMs };
    if (state === 'waiting') return this.io.err(`waiting: ${engines.map(engineText).join('; ')}`);
    if (state === 'ready') {
      const waitedMs = nowMs - this.#lobbySinceMs;
      return this.io.err(waitedMs > 0 ? `ready after ${seconds(waitedMs)}` : 'ready');
    }
    this.io.err(`failed: ${error?.message ?? engines.map(engineText).join('; ')}`);
    for (const line of error?.log_tail ?? []) this.io.err(`  | ${line}`);
    this.fault(factsOf('not_ready').exit);
  }

  speech(event: 'speech_started' | 'speech_stopped', ms: number): void {
    this.tell(
      { event, ms },
      `${event === 'speech_started' ? 'speech started' : 'speech stopped'} at ${ms} ms`,
    );
  }

  answer({ failure, ...answer }: Answer, exitCode = 1): void {
    this.json({ event: 'answer', ...answer });
    const { status, transcript, audioMs, firstAudioMs } = answer;
    const how = status === 'completed' ? '' : ` (${status})`;
    const first = firstAudioMs === null ? '' : `, first audio after ${firstAudioMs} ms`;
    const said = transcript ? JSON.stringify(transcript) : audioMs > 0 ? 'speech,' : 'nothing was said';
    // An answer of text alone has none.
    const audio = audioMs > 0 ? ` ${(audioMs / 1000).toFixed(2)} s of audio${first}` : '';
    const line = `answer${how}: ${said}${audio}`;
    // The result: on standard output, unless that is for programs.
    if (this.form === 'json') this.io.err(line);
    else this.io.out(line);
    if (failure) this.error(failure.code, failure.message, exitCode);
  }

  /** What the gateway heard of what the caller said; empty where those were no words. */
  transcript(text: string): void {
    this.tell(
      { event: 'transcript', text },
      text === '' ? 'heard: no words' : `heard: ${JSON.stringify(text)}`,
    );
  }

  /** Of the server, or of ours. What is harmless is shown and forgotten. */
  error(code: string, message: string, exitCode = 1): void {
    this.json({ event: 'error', code, message });
    this.showError(code, message);
    if (!harmlessErrors.includes(code)) this.fault(exitCode);
  }

  notice(notice: Exclude<Notice, { code: 'hearing' | 'answer_source' }>): void {
    const { code, message } = notice;
    const retryMs = 'retry_ms' in notice ? notice.retry_ms : undefined;
    this.tell({ event: 'notice', code, message, retryMs }, `notice: ${message} [${code}]`);
  }

  /** What runs in the background; one that fails is not the call's fault. */
  task(task: TaskNotice): void {
    const { id, name, state, message, progress, result, error } = task;
    this.json({ event: 'task', id, name, state, message, progress, result, ...(error && { error }) });
    this.showTask(task, state === 'done' ? resultText(result) : '');
  }

  /** `expected`: we closed it, or the gateway said why; otherwise it ended a call that had not ended. */
  closed({ code, reason, wasClean }: ConnectionEnd, what: 'expected' | 'unexpected'): void {
    this.json({ event: 'closed', code, reason, wasClean });
    if (code !== 1000 || what === 'unexpected') {
      const lost =
        code === 1006 && !wasClean ? 'the connection was lost' : 'the gateway closed the connection';
      this.io.err(`${lost}: ${code}${reason ? ` ${reason}` : ''}`);
    }
    if (what === 'unexpected') this.fault(1);
  }

  written(path: string, audioMs: number): void {
    this.tell(
      { event: 'written', path, audioMs: Math.round(audioMs) },
      `wrote ${path}: ${(audioMs / 1000).toFixed(2)} s of audio`,
    );
  }

  /** Worth knowing, and nobody's fault. */
  remark(code: string, text: string): void {
    this.tell({ event: 'remark', code, message: text }, text);
  }

  /** `result` is '' where there is none. */
  protected showTask({ name, state, message }: TaskNotice, result: string): void {
    const cancelled = state === 'cancelled' ? `${name} was cancelled: ` : '';
    this.io.err(`task: ${cancelled}${message}${result && `: ${result}`}`);
  }

  protected showError(code: string, message: string): void {
    this.io.err(`error: ${message} [${code}]`);
  }

  /** The worst stands. */
  protected fault(exitCode: number): void {
    this.#exitCode = Math.max(this.#exitCode, exitCode);
  }

  protected tell(event: Readonly<Record<string, unknown>>, line: string): void {
    this.json(event);
    this.io.err(line);
  }

  protected json(event: Readonly<Record<string, unknown>>): void {
    // Whatever comes before the names: the call is open.
    this.#tellOpen();
    if (this.form === 'json') this.io.out(JSON.stringify(event));
  }

  #tellOpen(): void {
    const url = this.#opened;
    this.#opened = undefined;
    if (url !== undefined) this.json({ event: 'open', url, ...this.#ids });
  }
}

const resultText = (result: unknown): string =>
  typeof result === 'string' ? result : JSON.stringify(result);

/** A line that is named in a message; of a long one its beginning, and how long it is. */
export function quoted(text: string): string {
  const cut = cutEnd(text, quotedColumns);
  return cut === text ? JSON.stringify(text) : `${JSON.stringify(cut)} (${text.length} characters)`;
}

/** `llm starting (loaded) 40 % 3.2 s reading the model` */
export function engineText(engine: LobbyEngine): string {
  const { name, state, rung, progress, text, elapsed_ms: elapsedMs, eta_ms: etaMs } = engine;
  const parts = [name, state];
  if (rung !== null && rung !== state) parts.push(`(${rung})`);
  if (progress !== null && state !== 'ready') parts.push(`${Math.round(progress * 100)} %`);
  parts.push(seconds(elapsedMs));
  if (etaMs) parts.push(`about ${seconds(etaMs)} left`);
  if (text !== null && state !== 'ready') parts.push(text);
  return parts.join(' ');
}

/** Notices come four a second; a line is worth it when this changes. */
function shownKey({ name, state, rung, progress, text }: LobbyEngine): string {
  const tenth = progress === null ? '' : Math.floor(progress * 10);
  return `${name} ${state} ${rung} ${tenth} ${state === 'starting' ? '' : text}`;
}
