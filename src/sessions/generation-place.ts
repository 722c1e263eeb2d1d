// A session's place in the generation of its pipeline: taken when it is set up, given back when it has closed and none
// of its background work asks that generation's engines any more.
import type { Scope } from '../lifecycle/scope.ts';
import type { TaskDesk } from '../tasks/task-desk.ts';

/** Takes the place of a session; returns what gives it back. */
export type EnterGeneration = (session: string) => () => void;

/** Throws what `enter` throws: then nothing is held. */
export function holdGeneration(enter: EnterGeneration, session: string, scope: Scope, tasks: TaskDesk): void {
  const leave = enter(session);
  // After the desk has heard of the end: work that is for the end has begun by then.
  void scope.closed.then(async () => {
    await tasks.over(session);
    leave();
  });
}
