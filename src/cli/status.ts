// `greenroom status` and `greenroom sessions`: how a running gateway stands, and who is connected.
import type { PipelineShown } from '../gateway/pipeline-facts.ts';
import type { SessionFacts } from '../sessions/session-facts.ts';
import { pipelineLines, sessionLines } from './change-lines.ts';
import { healthIn } from './gateway-health.ts';
import type { CommandIo } from './io.ts';
import { engineEvent } from './json-events.ts';
import { type RunningOptions, withGateway } from './running-gateway.ts';
import { engineLine } from './screen.ts';

interface List<Thing> {
  readonly data: readonly Thing[];
}

/** Returns 0. Throws `gateway_unreachable`, `unauthorized`. */
export function status(options: RunningOptions, io: CommandIo): Promise<number> {
  return withGateway(options, io, async (askGateway) => {
    const told = await askGateway<object>('/v1/health');
    const { data: pipelines } = await askGateway<List<PipelineShown>>('/api/pipelines');
    const health = healthIn(JSON.stringify(told));
    if (options.json) {
      const { status: word = null, version = null, pid = null, sessions = null } = health ?? {};
      io.out(JSON.stringify({ event: 'status', status: word, version, pid, sessions }));
      for (const engine of health?.engines ?? []) io.out(JSON.stringify(engineEvent(engine)));
      for (const pipeline of pipelines) io.out(JSON.stringify({ event: 'pipeline', ...pipeline }));
    }
    const say = options.json ? io.err : io.out;
    if (health) say(`${health.status}, pid ${health.pid}, sessions: ${health.sessions.open}`);
    const width = Math.max(0, ...(health?.engines ?? []).map(({ name }) => name.length));
    for (const engine of health?.engines ?? []) say(`  ${engineLine(engine, width)}`);
    for (const line of pipelineLines(pipelines)) say(line);
    return 0;
  });
}

/** Returns 0. Throws `gateway_unreachable`, `unauthorized`. */
export function sessions(options: RunningOptions, io: CommandIo): Promise<number> {
  return withGateway(options, io, async (askGateway) => {
    const { data } = await askGateway<List<SessionFacts>>('/api/sessions');
    if (options.json) for (const session of data) io.out(JSON.stringify({ event: 'session', ...session }));
    const say = options.json ? io.err : io.out;
    for (const line of sessionLines(data)) say(line);
    return 0;
  });
}
