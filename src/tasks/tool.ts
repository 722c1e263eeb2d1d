// The function by which a model triggers a task, and what it is answered. Its caller sees neither.
import type { TaskPlan } from './plan.ts';
import type { Triggered } from './session-tasks.ts';

/** As a tool of the Realtime wire; undefined: no model can trigger it. */
export function toolOf({ tool }: TaskPlan) {
  return tool && { type: 'function', ...tool, parameters: { type: 'object', properties: {} } };
}

/** JSON. */
export function toolOutput(name: string, { state, task }: Triggered): string {
  const message =
    state === 'begun'
      ? 'It runs in the background. Its result will be told when it is there; go on until then.'
      : 'It was triggered before, and runs once.';
  return JSON.stringify({ task: name, id: task.id, state: task.state, message });
}
