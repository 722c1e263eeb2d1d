// Lines from a pipe or a file: nobody is there who waits for an answer before the next line, so that is done here. What
// comes is read no faster than it is said, and its end ends a call that has no microphone.
import { createInterface } from 'node:readline';
import { toGreenroomError } from '../../lifecycle/errors.ts';
import type { Scope } from '../../lifecycle/scope.ts';
import type { Call } from './call.ts';
import { surviveClosing } from './keys.ts';
import type { Live } from './live.ts';
import type { LiveReport } from './live-report.ts';
import type { SoundProgram } from './programs.ts';

export interface PipedParts {
  readonly stream: NodeJS.ReadStream;
  /** Said before what comes from the stream. */
  readonly first: readonly string[];
  readonly call: Call;
  readonly live: Live;
  readonly report: LiveReport;
  readonly scope: Scope;
  /** With a microphone the call goes on after the end of the input. */
  readonly recorder: SoundProgram | null;
}

/** Until the scope closes. */
export function sayPiped(parts: PipedParts): void {
  const { stream, scope, live, first, recorder } = parts;
  surviveClosing(stream);
  const lines = createInterface({ input: stream, terminal: false });
  scope.defer('input', () => void stream.destroy());
  scope.spawn('lines', async (signal) => {
    signal.addEventListener('abort', () => lines.close(), { once: true });
    for (const line of first) await inTurn(line, parts);
    for await (const line of lines) {
      await inTurn(line, parts);
      if (live.why !== null) return;
    }
    if (recorder) return;
    await quiet(parts);
    live.leave('the input has ended');
  });
}

async function inTurn(line: string, parts: PipedParts): Promise<void> {
  await quiet(parts);
  if (parts.live.why === null) parts.live.line(line);
}

/** Resolves when the answer before has come, and has been heard to its end where it is played; or the call has ended. */
async function quiet({ call, live, report, recorder }: PipedParts): Promise<void> {
  for (;;) {
    try {
      await call.expect({
        // One that is kept is sent again on the next connection, and answered there.
        met: () => live.why !== null || (live.answering === 'none' && call.connection.kept.lines === 0),
        missing: () => 'no answer to the line before came',
      });
      return;
    } catch (thrown) {
      // Engines may load, a connection may come back, a long answer may be played: only silence is a fault.
      const { state, lobby } = call.connection;
      if (state !== 'open' || lobby?.state !== 'ready' || live.answering !== 'asked') continue;
      const { code, message, exitCode } = toGreenroomError(thrown);
      // What a microphone hears may be no question at all.
      if (!recorder) report.error(code, message, exitCode);
      return;
    }
  }
}
