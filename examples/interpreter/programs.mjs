// Programs that read their standard input to its end, and answer on their standard output. Each serves one call. The next
// one stands by: it has read its models, and waits for its input, before anybody asks. Owns every process it starts.
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** So many different commands have one that stands by; the one that was not asked for longest goes. */
const sparesMax = 2;
const stderrCharsMax = 4000;

/**
 * A line of bash, as a command. For programs that open `/dev/stdin` or `/dev/stdout` by name: Node gives sockets to its
 * children, which cannot be opened so, and `cat` makes pipes of them. Further words are "$1", "$2", ... in the line.
 */
export const piped = (line, ...words) => [
  ...['bash', '-o', 'pipefail', '-c'],
  // It ends when all that it started has ended, also when all of them are told to.
  `trap : TERM; cat | ${line} | cat`,
  ...['bash', ...words],
];

/** Ends this process where one of them is not on the PATH, with the line that installs it. */
export function needs(programs, install) {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const missing = programs.filter((name) => !folders.some((folder) => isProgram(join(folder, name))));
  if (missing.length === 0) return;
  console.error(`not found: ${missing.join(', ')}; install with: ${install}`);
  process.exit(1);
}

export class Programs {
  /** Those that stand by, by their commands; the last was asked for last. */
  #spares = new Map();
  #running = new Set();
  #state = 'open';

  /** Has one stand by. */
  prepare(command) {
    if (this.#state === 'closed') return;
    this.#spares.set(String(command), this.#take(command));
    const [[oldest, program]] = this.#spares;
    if (this.#spares.size <= sparesMax) return;
    this.#spares.delete(oldest);
    program.kill();
  }

  /** What the program makes of the input, as it comes. When the signal aborts it is killed; throws why it failed. */
  async *run(command, input, signal) {
    signal.throwIfAborted();
    const program = this.#take(command);
    const stop = () => program.kill();
    signal.addEventListener('abort', stop);
    try {
      yield* program.answer(input);
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener('abort', stop);
      stop();
      this.prepare(command);
    }
  }

  close() {
    this.#state = 'closed';
    for (const program of this.#running) program.kill();
  }

  #take(command) {
    const spare = this.#spares.get(String(command));
    this.#spares.delete(String(command));
    if (spare?.state === 'running') return spare;
    const program = new Program(command);
    this.#running.add(program);
    program.ended.then(() => this.#running.delete(program));
    return program;
  }
}

class Program {
  state = 'running';
  ended;
  #child;
  #stderr = '';

  constructor([file, ...words]) {
    // In a group of its own, so that all of a pipe is killed at once. Its input ends with this process, and it with that.
    this.#child = spawn(file, words, { stdio: 'pipe', detached: true });
    this.#child.stderr.on('data', (text) => {
      this.#stderr = (this.#stderr + text).slice(-stderrCharsMax);
    });
    // Of one that ends before it has read everything, the exit code says why.
    this.#child.stdin.on('error', () => undefined);
    this.ended = new Promise((resolve) => {
      this.#child.on('error', (error) => resolve(error.message));
      this.#child.on('close', (code, signal) => resolve(signal ?? code));
    });
    // From here on its number may be somebody else's.
    this.#child.on('exit', () => {
      this.state = 'ended';
    });
  }

  async *answer(input) {
    this.#child.stdin.end(input);
    yield* this.#child.stdout;
    const how = await this.ended;
    if (how !== 0) throw new Error(`${this.#child.spawnargs.join(' ')} ended with ${how}: ${this.#reason()}`);
  }

  kill() {
    if (this.state === 'running' && this.#child.pid) process.kill(-this.#child.pid, 'SIGTERM');
  }

  /** Programs say much; the line that says why it failed is wanted. */
  #reason() {
    const said = this.#stderr.trim();
    return /^.*\b(?:error|fatal|fail)\b.*$/im.exec(said)?.[0] ?? said.split('\n').at(-1);
  }
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
