// The engine `builtin: llama`: a program of its own, which loads a GGUF model with node-llama-cpp and serves it over HTTP
// as OpenAI has it. Listens first, loads then; says on standard output where it listens and how far it is, and on
// standard error what goes wrong, the reason last. Ends with its parent, whose end is the end of its standard input.
import { fstatSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { systemClock } from '../lifecycle/clock.ts';
import { messageOf } from '../lifecycle/errors.ts';
import { Scope } from '../lifecycle/scope.ts';
import { type LlamaServerOptions, parseArguments, usage } from './arguments.ts';
import { listen } from './listen.ts';
import { LlamaLog } from './llama-log.ts';
import { loadModel } from './load.ts';
import { LoadProgress } from './load-progress.ts';
import { LlamaServer } from './server.ts';

/** To leave in, once there are callers to tell; what is stuck in llama.cpp by then is left to the kernel. */
const leaveMs = 120;

const say = (line: string) => void process.stdout.write(`${line}\n`);
const complain = (line: string) => void process.stderr.write(`${line}\n`);

// Left in the opposite order: who waits for an answer is told, llama.cpp is let go, the socket is removed.
const scope = new Scope('llama-server', { clock: systemClock });

let state: 'loading' | 'ready' | 'leaving' = 'loading';

async function run(options: LlamaServerOptions): Promise<void> {
  const { alias, parallel, waiting, address } = options;
  const progress = new LoadProgress(say);
  const listener = scope.child('listener');
  const engine = scope.child('llama.cpp');
  const requests = scope.child('requests', { order: 'parallel' });
  const server = new LlamaServer({ scope: requests, progress, alias, parallel, waiting });
  const where = await listener.acquire(
    'socket',
    () => listen(server.http, address),
    () => {
      server.http.close();
      server.http.closeAllConnections();
    },
  );
  say(`greenroom-listening ${where}`);
  const log = new LlamaLog(complain);
  const cores = availableParallelism();
  const load = engine.spawn('load', () => loadModel({ options, scope: engine, progress, log, cores }));
  const loaded = await load.done;
  if (loaded.state === 'failed') throw loaded.error;
  if (loaded.state === 'cancelled') return;
  server.ready(loaded.value);
  state = 'ready';
  // Only from here on is there something to leave in order. Before it a signal just ends the process, also when the
  // load holds its loop.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void leave());
  progress.tell(1, 'ready');
}

async function leave(): Promise<void> {
  if (state === 'leaving') return;
  const graceMs = state === 'ready' ? leaveMs : 0;
  state = 'leaving';
  const { overdue } = await scope.close('server_shutdown', { graceMs });
  // `process.exit` waits for what runs in llama.cpp.
  if (overdue.length > 0) process.kill(process.pid, 'SIGKILL');
  process.exit();
}

/** Where it is a pipe or a socket, somebody holds its other end. */
function endWithParent(): void {
  const input = fstatSync(process.stdin.fd);
  if (!input.isFIFO() && !input.isSocket()) return;
  for (const event of ['end', 'error']) process.stdin.on(event, () => void leave());
  process.stdin.resume();
}

function start(argv: readonly string[]): void {
  let options: LlamaServerOptions;
  try {
    options = parseArguments(argv);
  } catch (error) {
    complain(`${usage}\n${messageOf(error)}`);
    process.exitCode = 2;
    return;
  }
  endWithParent();
  run(options).catch((error: unknown) => {
    complain(messageOf(error));
    process.exit(1);
  });
}

start(process.argv.slice(2));
