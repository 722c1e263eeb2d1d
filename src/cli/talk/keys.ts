// Where typed input comes from: the keys of a terminal, one by one, or the lines that a person
// types where nobody shows them. Undone by `close`,
// which leaves the terminal as it was.
import { createInterface, emitKeypressEvents, type Key as NodeKey } from 'node:readline';
import type { Key } from './typing.ts';

export interface Input {
  close(): void;
}

export function openKeys(stream: NodeJS.ReadStream, onKey: (key: Key) => void): Input {
  surviveClosing(stream);
  const onKeypress = (text: string | undefined, { name, ctrl, meta }: NodeKey) =>
    onKey({ name, ctrl, meta, text: text ?? '' });
  emitKeypressEvents(stream);
  stream.setRawMode(true);
  stream.on('keypress', onKeypress);
  stream.resume();
  return {
    close() {
      stream.off('keypress', onKeypress);
      // A terminal that is gone has no mode to go back to.
      if (!stream.destroyed) stream.setRawMode(false);
      stream.destroy();
    },
  };
}

/** Of a person, whose screen is no terminal: at any time. The end of input is no reason to leave. */
export function openLines(stream: NodeJS.ReadStream, onLine: (line: string) => void): Input {
  surviveClosing(stream);
  const lines = createInterface({ input: stream, terminal: false });
  lines.on('line', onLine);
  return {
    close() {
      lines.close();
      stream.destroy();
    },
  };
}

/** A terminal that is closed tells that by a signal as well. */
export function surviveClosing(stream: NodeJS.ReadStream): void {
  stream.on('error', () => undefined);
}
