// Where typed input comes from: the keys of a terminal, one by one, or the lines of anything else. Undone by `close`,
// which leaves the terminal as it was.
import { createInterface, emitKeypressEvents, type Key as NodeKey } from 'node:readline';
import type { Key } from './typing.ts';

export interface InputHandlers {
  readonly onKey: (key: Key) => void;
  readonly onLine: (line: string) => void;
}

export interface Input {
  readonly kind: 'keys' | 'lines';
  close(): void;
}

export function openInput(stream: NodeJS.ReadStream, kind: Input['kind'], handlers: InputHandlers): Input {
  // A terminal that is closed tells that by a signal as well.
  stream.on('error', () => undefined);
  return kind === 'keys' ? openKeys(stream, handlers) : openLines(stream, handlers);
}

function openKeys(stream: NodeJS.ReadStream, { onKey }: InputHandlers): Input {
  const onKeypress = (text: string | undefined, { name, ctrl, meta }: NodeKey) =>
    onKey({ name, ctrl, meta, text: text ?? '' });
  emitKeypressEvents(stream);
  stream.setRawMode(true);
  stream.on('keypress', onKeypress);
  stream.resume();
  return {
    kind: 'keys',
    close() {
      stream.off('keypress', onKeypress);
      // A terminal that is gone has no mode to go back to.
      if (!stream.destroyed) stream.setRawMode(false);
      stream.destroy();
    },
  };
}

/** The end of input is no reason to leave. */
function openLines(stream: NodeJS.ReadStream, { onLine }: InputHandlers): Input {
  const lines = createInterface({ input: stream, terminal: false });
  lines.on('line', onLine);
  return {
    kind: 'lines',
    close() {
      lines.close();
      stream.destroy();
    },
  };
}
