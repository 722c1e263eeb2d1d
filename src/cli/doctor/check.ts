// One thing that `doctor` has looked at, and how it is shown.

export interface Check {
  /** `config`, `data directory`, `left behind`, `database`, `door`, `certificate`, `program`, `port`, `socket`, `model`, `package`, `pipeline NAME, upstream`. */
  readonly check: string;
  /** Whose it is; null when it is the gateway's. */
  readonly engine: string | null;
  /** `problem`: it keeps something from working. */
  readonly state: 'ok' | 'warning' | 'problem';
  readonly message: string;
  /** What to do about it; null when nothing has to be done. */
  readonly next: string | null;
}

type Facts = Pick<Check, 'check' | 'engine'>;

export const ok = (facts: Facts, message: string): Check => ({ ...facts, state: 'ok', message, next: null });

export const warning = (facts: Facts, message: string, next: string | null): Check => ({
  ...facts,
  ...{ state: 'warning', message, next },
});

export const problem = (facts: Facts, message: string, next: string | null): Check => ({
  ...facts,
  ...{ state: 'problem', message, next },
});

/** `problem  engine mine, port: 127.0.0.1:8080 is taken: ...; end it` */
export function checkLine({ check, engine, state, message, next }: Check): string {
  const where = engine === null ? check : `engine ${engine}, ${check}`;
  return `${state.padEnd(7)}  ${where}: ${message}${next === null ? '' : `; ${next}`}`;
}

/** `2 problems, 1 warning` */
export function summaryLine(checks: readonly Check[]): string {
  const count = (state: Check['state']) => checks.filter((each) => each.state === state).length;
  const counted = (number: number, word: string) => `${number} ${word}${number === 1 ? '' : 's'}`;
  const parts = [
    count('problem') > 0 && counted(count('problem'), 'problem'),
    count('warning') > 0 && counted(count('warning'), 'warning'),
  ].filter(Boolean);
  return parts.length === 0 ? 'nothing is wrong' : parts.join(', ');
}
