// `greenroom export`: one session, to a file or to standard output. A file is there whole, or not at all.
import { open, rename, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { readStart } from '../client/http-body.ts';
import { networkReason } from '../client/refusal.ts';
import { type Clock, systemClock } from '../lifecycle/clock.ts';
import { GreenroomError, messageOf } from '../lifecycle/errors.ts';
import { Scope } from '../lifecycle/scope.ts';
import type { CommandIo } from './io.ts';
import {
  type AdminOptions,
  type AdminQuestion,
  adminQuestion,
  refused,
  unreachable,
} from './records/asking.ts';

export interface ExportOptions extends AdminOptions {
  /** `text` (the default), `vtt` or `json`. */
  readonly format?: string | undefined;
  /** Times count from the beginning of this recording. */
  readonly take?: number | undefined;
  /** Default: standard output. */
  readonly out?: string | undefined;
  readonly json?: boolean | undefined;
}

/** Returns 0 when all of it was written. Throws `gateway_unreachable`, a refusal, and what the disk says. */
export async function exportSession(
  session: string,
  options: ExportOptions,
  io: CommandIo,
  clock: Clock = systemClock,
): Promise<number> {
  const { format = 'text', take, out, json = false } = options;
  if (json && out === undefined)
    throw new GreenroomError('bad_usage', '--json goes with --out: standard output has the session itself');
  const scope = new Scope('export', { clock, kind: 'command' });
  const interrupt = () => void scope.close('done');
  io.signal.addEventListener('abort', interrupt, { once: true });
  try {
    const query = new URLSearchParams({ format, ...(take !== undefined && { take: String(take) }) });
    const path = `/api/sessions/${encodeURIComponent(session)}/export?${query}`;
    const question = await adminQuestion(path, options, io);
    const task = scope.spawn(`export ${session}`, async (signal) => {
      const body = await bodyOf(question, signal);
      return out === undefined ? toOutput(body, io) : toFile(body, resolve(io.cwd, out));
    });
    const outcome = await task.done;
    if (outcome.state === 'failed') throw outcome.error;
    if (outcome.state !== 'done') throw new GreenroomError('cancelled', 'interrupted: nothing was exported');
    if (out === undefined) return 0;
    const bytes = outcome.value;
    if (json)
      io.out(JSON.stringify({ event: 'exported', session, format, file: resolve(io.cwd, out), bytes }));
    else io.err(`${out}: ${bytes} bytes`);
    return 0;
  } finally {
    io.signal.removeEventListener('abort', interrupt);
    await scope.close('done');
  }
}

async function bodyOf(question: AdminQuestion, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
  const { url, token } = question;
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(url, { headers, signal, redirect: 'manual' }).catch((thrown: unknown) => {
    if (signal.aborted) throw thrown;
    throw unreachable(
      `no gateway answers at ${url.origin}: ${networkReason(thrown) || messageOf(thrown)}`,
      thrown,
    );
  });
  if (response.status !== 200 || !response.body)
    throw refused(question, response.status, await readStart(response));
  return response.body;
}

async function toOutput(body: AsyncIterable<Uint8Array>, io: CommandIo): Promise<number> {
  const decoder = new TextDecoder();
  let bytes = 0;
  let rest = '';
  for await (const piece of body) {
    bytes += piece.length;
    const lines = (rest + decoder.decode(piece, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) io.out(line);
  }
  if (rest !== '') io.out(rest);
  return bytes;
}

async function toFile(body: AsyncIterable<Uint8Array>, path: string): Promise<number> {
  const unfinished = `${path}.part`;
  // What was said is for whoever has asked for it.
  const file = await open(unfinished, 'w', 0o600);
  let bytes = 0;
  try {
    for await (const piece of body) {
      await file.write(piece);
      bytes += piece.length;
    }
    await file.close();
    await rename(unfinished, path);
    return bytes;
  } catch (thrown) {
    await file.close();
    await rm(unfinished, { force: true });
    throw thrown;
  }
}
