import { describe, expect, test } from 'vitest';
import type { GreenroomError } from '../../../src/lifecycle/errors.ts';
import { failureOf } from './loading.ts';

function failureOfText(text: string, env: Record<string, string> = {}): Promise<GreenroomError> {
  return failureOf({ 'greenroom.yaml': text, 'a.mjs': '' }, { env });
}

/** The lines of the message, without the name of the file. */
async function linesOf(text: string): Promise<string[]> {
  const { message } = await failureOfText(text);
  return message.split('\n').map((line) => line.replace(/^greenroom\.yaml:/, ''));
}

describe('a wrong key or value is told with its line and column', () => {
  test.each([
    ['listn: 7460', '1:1 listn: unknown key; did you mean "listen"?'],
    ['log:\n  levle: info', '2:3 log.levle: unknown key; did you mean "level"?'],
    ['log: { colour: red }', '1:8 log.colour: unknown key; known here: level, cleanup, size, keep'],
    [
      'listen: localhost',
      '1:9 listen: the port is missing: expected an address such as 127.0.0.1:7460, got "localhost"',
    ],
    [
      'log:\n  level: verbose',
      '2:10 log.level: expected one of trace, debug, info, warn, error, fatal, silent, got "verbose"',
    ],
    ['log: { cleanup: yes }', '1:17 log.cleanup: expected true or false, got "yes"'],
    ['sessions: { max: 0 }', '1:18 sessions.max: expected at least 1, got 0'],
    ['sessions: { max: 1.5 }', '1:18 sessions.max: expected a whole number, got 1.5'],
    ['sessions: { max: many }', '1:18 sessions.max: expected a number, got "many"'],
    [
      'sessions:\n  lobby:\n    wait: 60',
      '3:11 sessions.lobby.wait: add a unit to the duration: 60s or 60ms?',
    ],
    [
      'sessions: { lobby: { audio: { bytes: 4M } } }',
      '1:38 sessions.lobby.audio.bytes: expected a size such as 64MiB, 1KiB, 4MB or a number of bytes, got "4M"',
    ],
    [
      'sessions: { lobby: { audio: { bytes: 65MiB } } }',
      '1:38 sessions.lobby.audio.bytes: 65MiB for one session is more than bytesTotal, 64MiB, for all',
    ],
    ['sessions: { resume: 2h }', '1:21 sessions.resume: from 0s to 1h, got 2h'],
    ['shutdown: { total: 100ms }', '1:20 shutdown.total: from 500ms to 1m, got 100ms'],
    ['shutdown: { total: 2m }', '1:20 shutdown.total: from 500ms to 1m, got 2m'],
    ['store: mongo', '1:8 store: expected one of sqlite, none, got "mongo"'],
    ['store: postgres', '1:8 store: `postgres` is not in this version of greenroom; it comes in a later one'],
    ['store: { keep: 30 }', '1:16 store.keep: add a unit to the duration: 30s or 30ms?'],
    ['store: { keep: 10s }', '1:16 store.keep: from 1m to 36500d, got 10s'],
    ['store: { keeps: 30d }', '1:10 store.keeps: unknown key; did you mean "keep"?'],
    ['store: { size: 1kB }', '1:16 store.size: at least 1MiB, got 1kB'],
    ['store: [sqlite]', '1:8 store: expected one of sqlite, none'],
    ['engines:', '1:9 engines: expected a section, got nothing'],
    ['auth: s3cret', '1:7 auth: expected a section, got text'],
    [
      'events: { slow: { warn: 3s } }',
      '1:25 events.slow.warn: a watcher is warned before it is dealt with: expected less than events.slow.act (2s), got 3s',
    ],
    [
      'auth: { tokens: [{ token: t0ken, publish: [greenroom.x] }] }',
      '1:44 auth.tokens.0.publish.0: expected topics such as "machine.>"; those of greenroom itself are for administrators',
    ],
    ['auth: { tokens: s3cret }', '1:17 auth.tokens: expected a list such as ["env:GREENROOM_TOKEN"]'],
    ['auth: { tokens: [12345678] }', '1:18 auth.tokens.0: expected text such as "env:GREENROOM_TOKEN"'],
    [
      'auth: { origins: ["*"] }',
      '1:19 auth.origins.0: expected an origin such as https://example.org, got "*"',
    ],
    [
      'auth: { origins: ["https://a.example/path"] }',
      '1:19 auth.origins.0: expected an origin such as https://example.org, got "https://a.example/path"',
    ],
    [
      'unknownModel: refuze',
      '1:15 unknownModel: expected one of refuse, default, got "refuze"; did you mean "refuse"?',
    ],
    [
      'aliases: { "gpt-4.1*": ech }',
      '1:24 aliases."gpt-4.1*": no pipeline is named "ech"; there are: echo; did you mean "echo"?',
    ],
    ['data: ""', '1:7 data: cannot be empty'],
  ])('%s', async (text, line) => {
    expect(await linesOf(text)).toEqual([line]);
  });
});

describe('a wrong engine is told with its line and column', () => {
  const list = [
    [
      'engines:\n  Voice: { builtin: flite }',
      '2:3 engines.Voice: a name is 1 to 64 small letters, digits, - and _, and begins with a letter or digit',
    ],
    [
      'engines:\n  a: {}',
      '2:6 engines.a: the kind is missing: one of `builtin`, `worker`, `run`, `preset`, `url`',
    ],
    [
      'engines:\n  a: { bultin: flite }',
      '2:6 engines.a: the kind is missing: one of `builtin`, `worker`, `run`, `preset`, `url`; did you mean "builtin"?',
    ],
    [
      'engines:\n  a: { isolate: thread, wroker: ./a.mjs }',
      '2:6 engines.a: the kind is missing: one of `builtin`, `worker`, `run`, `preset`, `url`; did you mean "worker"?',
    ],
    [
      'engines:\n  a: { builtin: flit }',
      '2:17 engines.a.builtin: expected one of flite, silero, llama, got "flit"; did you mean "flite"?',
    ],
    [
      'engines:\n  a: { builtin: flite, optoins: {} }',
      '2:24 engines.a.optoins: unknown key; did you mean "options"?',
    ],
    [
      'engines:\n  a: flite',
      '2:6 engines.a: expected a section such as { builtin: flite } or { run: [python3, engine.py] }',
    ],
    [
      'engines:\n  a: { builtin: flite, run: [x] }',
      '2:6 engines.a: an engine is of one kind: `builtin` or `run`, not both',
    ],
    [
      'engines:\n  a: { builtin: flit }',
      '2:17 engines.a.builtin: expected one of flite, silero, llama, got "flit"; did you mean "flite"?',
    ],
    [
      'engines:\n  a: { builtin: flite, offers: [speak] }',
      '2:24 engines.a.offers: a shipped engine offers what it offers',
    ],
    [
      'engines:\n  a: { builtin: flite, stopgrace: 1s }',
      '2:24 engines.a.stopgrace: unknown key; did you mean "stopGrace"?',
    ],
    [
      'engines:\n  a: { builtin: flite, ready: { http: /x } }',
      '2:33 engines.a.ready.http: `ready.http` is for engines that are asked over HTTP; greenroom asks this kind itself',
    ],
    [
      'engines:\n  a: { builtin: flite, options: { k: [env:KEY] } }',
      '2:39 engines.a.options.k.0: `env:` is read in `auth`, in `key` and in the `env` of programs, not in options',
    ],
    ['engines:\n  a: { worker: 3 }', '2:16 engines.a.worker: expected text, got 3'],
    [
      'engines:\n  a: { worker: ./a.mjs, isolate: vm }',
      '2:34 engines.a.isolate: expected one of process, thread, got "vm"',
    ],
    [
      'engines:\n  a: { worker: ./a.mjs, offers: [sing] }',
      '2:34 engines.a.offers.0: expected one of chat, transcribe, speak, embed, vad, got "sing"',
    ],
    [
      'engines:\n  a: { run: python3 x.py }',
      '2:13 engines.a.run: expected a list such as [python3, engine.py]: no shell reads it',
    ],
    [
      'engines:\n  a: { run: [] }',
      '2:13 engines.a.run: expected a list such as [python3, engine.py]: no shell reads it',
    ],
    ['engines:\n  a: { run: [""] }', '2:13 engines.a.run: the program is missing'],
    ['engines:\n  a: { run: [x, {}] }', '2:17 engines.a.run.1: expected text or a number'],
    [
      'engines:\n  a: { run: [x, env:KEY] }',
      '2:17 engines.a.run.1: a command line is seen by every user: give secrets in `env`',
    ],
    ['engines:\n  a: { run: [x], port: 0 }', '2:24 engines.a.port: expected at least 1, got 0'],
    ['engines:\n  a: { run: [x], port: 7460 }', '2:24 engines.a.port: 7460 is taken by the door (`listen`)'],
    [
      'engines:\n  a: { run: [x], env: { "A-B": 1 } }',
      '2:25 engines.a.env.A-B: expected the name of a variable that greenroom does not set',
    ],
    [
      'engines:\n  a: { run: [x], env: { GREENROOM_INSTANCE: 1 } }',
      '2:25 engines.a.env.GREENROOM_INSTANCE: expected the name of a variable that greenroom does not set',
    ],
    [
      'engines:\n  a: { run: [x], env: { A: env:1B } }',
      '2:28 engines.a.env.A: `env:` is followed by the name of a variable, such as env:TOKEN',
    ],
    [
      'engines:\n  a:\n    run: [x]\n    ready:\n      stall: fast',
      '5:14 engines.a.ready.stall: expected a duration such as 120s, got "fast"',
    ],
    [
      'engines:\n  a: { run: [x], ready: { http: health } }',
      '2:33 engines.a.ready.http: expected a path such as /health',
    ],
    [
      'engines:\n  a: { run: [x], options: {} }',
      '2:18 engines.a.options: `options` is for builtin and worker engines; use the arguments of `run`',
    ],
  ];
  test.each(list)('%s', async (text, line) => {
    expect(await linesOf(text ?? '')).toEqual([line]);
  });
});

describe('a wrong pipeline is told with its line and column', () => {
  test.each([
    [
      '{ kind: bridged }',
      '2:14 pipelines.p.kind: expected one of echo, cascade, bridge, got "bridged"; did you mean "bridge"?',
    ],
    [
      '{ kind: bridge }',
      '2:3 pipelines.p.url: is missing; expected an address such as wss://host/v1/realtime?model=NAME',
    ],
    [
      '{ kind: bridge, url: "ftp://host/x" }',
      '2:27 pipelines.p.url: expected an address such as wss://host/v1/realtime?model=NAME: wss://, ws://, https:// or http://, not ftp:',
    ],
    [
      '{ kind: bridge, url: "wss://me:secret@host/x" }',
      '2:27 pipelines.p.url: an address without name and password: a key goes into `key`',
    ],
    [
      '{ kind: bridge, url: "wss://host/x", headers: { OpenAI-Beta: realtime=v1 } }',
      '2:54 pipelines.p.headers.OpenAI-Beta: is not sent: a key goes into `key`, and the rest is of the connection itself',
    ],
    [
      '{ kind: bridge, url: "wss://host/x", think: llm }',
      '2:43 pipelines.p.think: `think` is not of `kind: bridge`: upstream hears, thinks and speaks',
    ],
    [
      '{ speak: voice, vad: activity }',
      '2:3 pipelines.p.kind: is missing; expected one of echo, cascade, bridge',
    ],
    [
      '{ kind: cascad, think: x }',
      '2:14 pipelines.p.kind: expected one of echo, cascade, bridge, got "cascad"; did you mean "cascade"?',
    ],
    ['{ kind: echo, vad: activity }', '2:3 pipelines.p.speak: is missing; expected the name of an engine'],
    [
      '{ kind: echo, speak: voice, vad: activty }',
      '2:39 pipelines.p.vad: no engine is named "activty"; there are: voice, activity; did you mean "activity"?',
    ],
    [
      '{ kind: echo, speak: activity, vad: activity }',
      '2:27 pipelines.p.speak: the engine "activity" offers vad, but `speak` is needed',
    ],
    [
      '{ kind: echo, speak: voice, vad: activity, needs: [voice, nobody] }',
      '2:64 pipelines.p.needs.1: no engine is named "nobody"; there are: voice, activity',
    ],
    [
      '{ kind: echo, speak: voice, vad: constructor }',
      '2:39 pipelines.p.vad: no engine is named "constructor"; there are: voice, activity',
    ],
  ])('%s', async (pipeline, line) => {
    expect(await linesOf(`pipelines:\n  p: ${pipeline}`)).toEqual([line]);
  });

  test('a program that declares no `offers` cannot speak', async () => {
    const text =
      'engines: { v: { run: [v] }, a: { builtin: silero } }\npipelines: { p: { kind: echo, speak: v, vad: a } }';
    expect(await linesOf(text)).toEqual([
      '2:38 pipelines.p.speak: the engine "v" declares no `offers`, but `speak` is needed',
    ]);
  });

  test('of several pipelines one must be the default', async () => {
    const echo = '{ kind: echo, speak: voice, vad: activity }';
    expect(await linesOf(`pipelines: { a: ${echo}, b: ${echo} }`)).toEqual([
      '1:12 pipelines: one of several pipelines is named `default`: it answers when no model is asked for (there are: a, b)',
    ]);
  });

  test('an engine that takes the name of an embedded one is told what to do', async () => {
    const [line] = await linesOf('engines: { voice: { run: [v] } }');
    expect(line).toContain('of the embedded pipelines; write your own, or `pipelines: {}` for none');
  });
});

describe('a door that is open to others', () => {
  test.each([
    ['', 'without auth.tokens and auth.admin anyone there may call; set them, or listen on 127.0.0.1'],
    [
      'auth: { admin: [12345678a] }',
      'without auth.tokens anyone there may call; set it, or listen on 127.0.0.1',
    ],
    [
      'auth: { tokens: [12345678a] }',
      'without auth.admin anyone there may administer; set it, or listen on 127.0.0.1',
    ],
  ])('is refused with the reason (%s)', async (auth, reason) => {
    const reach = '1:9 listen: 0.0.0.0:80 can be reached from other machines, and';
    expect(await linesOf(`listen: 0.0.0.0:80\n${auth}`)).toEqual([`${reach} ${reason}`]);
  });
});

describe('a missing secret', () => {
  const text = 'auth:\n  tokens: ["env:UNSET"]\n  admin:\n    - env:EMPTY\n';
  const lines = [
    'greenroom.yaml:2:12 auth.tokens.0: the environment variable UNSET is not set',
    'greenroom.yaml:4:7 auth.admin.0: the environment variable EMPTY is empty',
  ];

  test('names the variable and where it is asked for, and is never an empty token', async () => {
    const failure = await failureOfText(text, { EMPTY: '' });
    expect([failure.code, failure.message.split('\n')]).toEqual(['secret_missing', lines]);
  });

  test('beside other problems is one of them', async () => {
    const failure = await failureOfText(`${text}aliases: { x: y }`, { EMPTY: '' });
    expect([failure.code, failure.message.split('\n').slice(0, 2)]).toEqual(['config_invalid', lines]);
  });
});

const both = (message: string) =>
  message
    .split('\n')
    .map((line) => line.replace(/^g\.yaml:/, '').replace(/;? ?(?:expected|there are|did you).*$/, ''));

test.each([
  [
    'a name that is none, and a value beside it that is wrong',
    'engines:\n  voice: { builtin: flite }\n  ears: { builtin: silero }\nlog: { level: loud }\npipelines:\n  default: { kind: echo, speak: voic, vad: ears }\n',
    ['4:15 log.level:', '6:33 pipelines.default.speak: no engine is named "voic"'],
  ],
  [
    'a secret that is not set, and a misspelt key',
    'auth: { tokens: ["env:NOT_SET"] }\nlgo: {}\n',
    ['1:18 auth.tokens.0: the environment variable NOT_SET is not set', '2:1 lgo: unknown key'],
  ],
  [
    'a module that is not there, and a limit that is none',
    'engines:\n  mine: { worker: ./none.mjs, ready: { stall: fast } }\n',
    ['2:19 engines.mine.worker: there is no file', '2:47 engines.mine.ready.stall:'],
  ],
])('what the schema cannot see is told in the same round: %s', async (_name, text, lines) => {
  const { message } = await failureOf({ 'g.yaml': text }, { file: 'g.yaml' });
  const shown = both(message);
  expect(shown).toHaveLength(lines.length);
  for (const [index, line] of lines.entries()) expect(shown[index]).toContain(line);
});

test.each([
  [
    'engines:\n  voice: { run: [x], ofers: [speak] }\n  ears: { builtin: silero }\npipelines:\n  default: { kind: echo, speak: voice, vad: ears }\n',
    'engines.voice.ofers',
  ],
  ['pipelnes: {}\nengines: { a: { builtin: flite } }\naliases: { "x*": other }\n', 'pipelnes'],
  ['listen: 0.0.0.0:80\nauth: { tokens: [7], admin: [x] }\n', 'auth.tokens.0'],
  [
    'engines:\n  bad name: { builtin: flite }\npipelines:\n  default: { kind: echo, speak: bad name, vad: bad name }\n',
    'engines."bad name"',
  ],
])('what may only follow from a mistake is not told beside it: %j', async (text, path) => {
  const { message } = await failureOf({ 'g.yaml': text }, { file: 'g.yaml' });
  expect(message.split('\n')).toHaveLength(1);
  expect(message).toContain(` ${path}: `);
});

test('all problems are told at once, from the top, each with its place; ten of them are shown', async () => {
  const engines = Array.from({ length: 11 }, (_, index) => `  e${index}: { builtin: flit }\n`).join('');
  const failure = await failureOfText(`engines:\n${engines}listn: 1\n`);
  const lines = failure.message.split('\n');
  expect(lines).toHaveLength(11);
  expect(lines.at(-1)).toBe('... and 2 more');
  expect(failure.details['more']).toBe(2);
  expect(failure.details['problems']).toHaveLength(10);
  expect(failure.details['problems']).toContainEqual({
    file: 'greenroom.yaml',
    line: 2,
    column: 18,
    path: 'engines.e0.builtin',
    message: 'expected one of flite, silero, llama, got "flit"; did you mean "flite"?',
  });
});

describe('a task’s schema that is wrong is told together with whatever else is wrong', () => {
  const pipelines = (task: string) =>
    `pipelines:\n  p:\n    kind: cascade\n    think: llm\n    tasks:\n      a: { ${task}, schema: { type: strin } }`;
  test.each([
    ['an engine without a kind', 'engines:\n  llm: { offers: [chat] }', 'think: llm, instructions: x'],
    ['a task that lacks something', 'engines:\n  llm: { worker: a.mjs }', 'think: llm'],
  ])('%s', async (_, engines, task) => {
    const lines = await linesOf(`${engines}\n${pipelines(task)}`);
    expect(lines.length).toBeGreaterThan(1);
    expect(lines.join('\n')).toMatch(/8:\d+ pipelines\.p\.tasks\.a\.schema: expected a JSON schema: .*strin/);
  });
});
