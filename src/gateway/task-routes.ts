// The background work of sessions over HTTP: triggered, and read.
import { GreenroomError } from '../lifecycle/errors.ts';
import type { TaskDesk } from '../tasks/task-desk.ts';
import type { RouteTable } from './route-table.ts';

export function taskRoutes(tasks: TaskDesk): RouteTable {
  return {
    '/api/sessions/{id}/tasks': {
      GET: {
        surface: 'admin',
        summary: 'The background work of a session, also of one that has ended.',
        answers: { 200: 'tasks' },
        refusals: ['not_found', 'store_unusable', 'store_busy'],
        answer: async ({ param }) => {
          const data = await tasks.of(param('id'));
          if (data) return { status: 200, body: { object: 'list', data } };
          throw new GreenroomError(
            'not_found',
            `nothing is known of tasks of session ${shown(param('id'))}: it is not open, and none of it was kept`,
          );
        },
      },
    },
    '/api/sessions/{id}/tasks/{name}': {
      GET: {
        surface: 'admin',
        summary: 'Background work of a session, by its name or its id.',
        answers: { 200: 'task' },
        refusals: ['not_found', 'store_unusable', 'store_busy'],
        answer: async ({ param }) => {
          const [id, wanted] = [param('id'), param('name')];
          const all = (await tasks.of(id)) ?? [];
          const task = all.findLast((one) => one.id === wanted || one.name === wanted);
          if (task) return { status: 200, body: task };
          const known = all.length === 0 ? 'none is known' : all.map(({ name }) => name).join(', ');
          const message = `session ${shown(id)} has had no task ${shown(wanted)}: ${known}`;
          throw new GreenroomError('not_found', message, { details: { tasks: all.map(({ name }) => name) } });
        },
      },
      POST: {
        surface: 'admin',
        summary:
          'Triggers background work of a session that is open. Once: later on it is told how that stands.',
        answers: { 202: 'task' },
        refusals: ['not_found', 'task_exists'],
        answer: ({ param }) => {
          const id = param('id');
          const session = tasks.live(id);
          if (!session?.open)
            throw new GreenroomError(
              'not_found',
              `no session ${shown(id)} is open; GET /api/sessions has those that are`,
            );
          const { state, task } = session.trigger(param('name'), 'api');
          if (state === 'begun') return { status: 202, body: task };
          const message = `task ${task.name} of session ${id} was triggered before (${task.id}, ${task.state}), and runs once`;
          throw new GreenroomError('task_exists', message, { details: { task } });
        },
      },
    },
  };
}

const shown = (id: string): string => JSON.stringify(id.slice(0, 64));
