// The background work of a bridged call: its functions are declared to upstream, which calls them; the results are spoken
// by upstream too.
import type { SessionTasks } from '../tasks/session-tasks.ts';
import type { TaskHost } from '../tasks/task-host.ts';
import { toolOf, toolOutput } from '../tasks/tool.ts';
import type { BridgeHost } from './bridge-host.ts';

export interface BridgeTasksOptions {
  readonly host: BridgeHost;
  readonly notice: TaskHost['notice'];
  readonly openTasks: (host: TaskHost) => SessionTasks;
  readonly onFault: (what: string, error: unknown) => void;
}

export function openBridgeTasks({ host, notice, openTasks, onFault }: BridgeTasksOptions): void {
  const speak: TaskHost['speak'] = async ({ id, name, instructions, voice }) => {
    const metadata = { task: name, task_id: id };
    const outcome = await host.speak({ instructions, voice, metadata });
    if (outcome.state !== 'failed' || outcome.code === 'scope_closed') return;
    onFault(`the summary of task ${name} (${id})`, new Error(`${outcome.message} [${outcome.code}]`));
  };
  const tasks = openTasks({
    transcript: () => host.transcript(),
    written: (items, signal) => host.written(items, signal),
    ...{ notice, speak },
  });
  for (const plan of tasks.tools) {
    const tool = toolOf(plan);
    if (!tool) continue;
    host.declareTool(tool, ({ callId }) => {
      const output = toolOutput(plan.name, tasks.trigger(plan.name, 'tool'));
      host.answerCall(callId, output, { speak: true });
    });
  }
}
