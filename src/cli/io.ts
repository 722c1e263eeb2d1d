// What a command may touch of its process: standard streams, environment, folder. Handed in, so that tests can read it.

export interface CommandIo {
  /** One line on standard output: results, and the events of `--json`. */
  readonly out: (line: string) => void;
  /** One line on standard error: what people read. */
  readonly err: (line: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Aborts when the person asks to stop (Ctrl+C, TERM). */
  readonly signal: AbortSignal;
}
