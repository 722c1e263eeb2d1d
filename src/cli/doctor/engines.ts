// What each engine needs of this machine: its program, its folder, its place, its model, its package.
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { EngineConfig, ModelFileConfig, RunEngineConfig, UrlEngineConfig } from '../../config/types.ts';
import { llamaProgram } from '../../engines/builtin/llama-program.ts';
import { lookAtModel, notExclusive } from '../../engines/model-look.ts';
import { whySpawnFailed } from '../../engines/process/command.ts';
import { findProgram } from '../../engines/process/find-program.ts';
import { findPackage } from '../find-package.ts';
import { type Check, ok, problem, warning } from './check.ts';
import type { Past } from './past.ts';
import { checkPlace, holdersOf, textOf } from './places.ts';

export interface EngineContext {
  readonly past: Past;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

export async function checkEngine(engine: EngineConfig, context: EngineContext): Promise<readonly Check[]> {
  const facts = { engine: engine.name };
  switch (engine.kind) {
    case 'run':
      return checkRun(engine, context);
    case 'worker':
      return [ok({ check: 'module', ...facts }, `${engine.worker} is there`)];
    case 'url':
      return checkUrl(engine, context);
    case 'builtin':
      return engine.builtin === 'llama'
        ? [
            checkPackage(engine.name, 'node-llama-cpp', context),
            ...(await checkRun(llamaProgram(engine), context)),
          ]
        : [ok({ check: 'builtin', ...facts }, `${engine.builtin} comes with greenroom`)];
  }
}

/** Whether somebody is there is asked by who may ask: an engine's own key goes with it. */
async function checkUrl(
  { name, url, otherwise }: UrlEngineConfig,
  context: EngineContext,
): Promise<readonly Check[]> {
  const facts = { check: 'address', engine: name };
  const { past } = context;
  if (!otherwise) return [ok(facts, `${url} is asked once the gateway runs`)];
  const { hostname, port } = new URL(url);
  const holders = await holdersOf({ host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port) });
  if (holders.length > 0) return [ok(facts, `${url} is used as it is: ${textOf(holders, past)}`)];
  return [ok(facts, `nobody listens at ${url}: it is started`), ...(await checkRun(otherwise, context))];
}

async function checkRun(engine: RunEngineConfig, context: EngineContext): Promise<readonly Check[]> {
  return [
    await checkProgram(engine, context),
    ...(await checkPlace(engine, context.past)),
    ...(engine.model ? [await checkModel(engine.name, engine.model, context.past)] : []),
  ];
}

async function checkProgram(
  { name, run, cwd, env }: RunEngineConfig,
  context: EngineContext,
): Promise<Check> {
  const facts = { check: 'program', engine: name };
  const [program = ''] = run;
  const folder = await stat(cwd).catch(() => undefined);
  if (!folder?.isDirectory())
    return problem(facts, `its \`cwd\` ${cwd} is not a folder`, 'make it, or name another');
  const path = typeof env['PATH'] === 'string' ? env['PATH'] : context.env['PATH'];
  const wanted = program.includes('/') ? resolve(cwd, program) : program;
  const found = await findProgram(wanted, { PATH: path });
  if (found !== undefined) return ok(facts, found);
  const there = program.includes('/') && (await stat(wanted).catch(() => undefined));
  const error = Object.assign(new Error(`${wanted} is no program`), { code: there ? 'EACCES' : 'ENOENT' });
  const why = await whySpawnFailed(error, { program, cwd });
  const next = there ? null : 'install it, or name it by its path';
  return problem(facts, program.includes('/') ? why : `${program}: ${why}`, next);
}

async function checkModel(engine: string, model: ModelFileConfig, past: Past): Promise<Check> {
  const facts = { check: 'model', engine };
  const found = await lookAtModel(model, past.whose);
  if (found.state === 'unusable') return problem(facts, `${model.path} ${found.problem}`, null);
  const size = `${model.path} can be read (${found.facts.sizeBytes} bytes)`;
  if (found.held === undefined) return ok(facts, size);
  const text = `${model.path} ${found.held}`;
  const strangers = found.holders.filter(
    ({ mark }) => mark.state !== 'marked' || past.whose(mark.marker).state === 'stranger',
  );
  if (model.exclusive && strangers.length > 0) return problem(facts, text, notExclusive);
  if (strangers.length === 0) return ok(facts, text);
  return warning(facts, text, 'it may be in memory twice: end that if nobody needs it');
}

/** Beside greenroom, or in the folder where it is started. */
function checkPackage(engine: string, name: string, { cwd }: EngineContext): Check {
  const facts = { check: 'package', engine };
  const path = findPackage(name, cwd);
  if (path !== undefined) return ok(facts, `${name} is there: ${path}`);
  return problem(facts, `${name} is not installed`, `\`npm install ${name}\` in ${cwd}`);
}
