// What the faulty engine can do wrong, each as engines in the field do it.

export const faults = {
  none: 'it behaves',
  'exits-at-start': 'says that there is no memory, and exits with code 1',
  'exits-cleanly': 'exits with code 0 at once',
  silent: 'never listens, and never says a word',
  'never-listens': 'says every 100 ms that it loads, for ever',
  'never-ready': 'listens, and answers 503 for ever',
  unauthorized: 'answers 401 to everything',
  'zero-tokens': 'ends every answer without having said anything',
  'dies-mid-stream': 'exits with code 1 after the third token',
  'cuts-mid-stream': 'closes the connection after the third token, and lives on',
  'stalls-mid-stream': 'says nothing more after the third token',
  wedges: 'answers one request, and from then on none, its health among them',
  floods: 'writes 100 MiB to its output while it loads',
  forks: 'leaves a child in a session of its own',
  'ignores-sigterm': 'has to be killed',
  'holds-stdout': 'exits with code 1, and a child of it holds its output for 10 s',
} as const;

export type Fault = keyof typeof faults;

export interface FaultyEngineOptions {
  /** Default `none`. */
  readonly fault?: Fault;
  /** From its start until it is ready, in ms; it listens at once. Default 0. */
  readonly loadMs?: number;
  /** What it says and hears, whatever it is asked; a word is a token. Default `This is a test.` */
  readonly says?: string;
  /** Between two tokens, in ms. Default 0. */
  readonly tokenMs?: number;
}
