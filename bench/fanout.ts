// Promise: events to any number of watchers, no slow one harms another. 200 watchers and state changes of 220 bytes,
// published in process by a timer; greenroom, a loop of `ws.send`, Socket.IO and Bun's publish in turns of one run. A
// server has a core of its own, its watchers have another. With none, half and nearly all of the watchers stalled, who
// never read again.
import { type Alternatives, installAlternatives } from './fanout/alternatives.ts';
import { measure, type Result, type Server } from './fanout/case.ts';
import { show } from './fanout/report.ts';
import { nodeOptions, repositoryFile } from './measure.ts';
import type { Workbench } from './workbench.ts';

const watchers = 200;
const eventsPath = '/v1/events?topics=face_processor';

const node = (file: string, ...args: string[]) => ({
  program: process.execPath,
  args: [...nodeOptions, repositoryFile(`bench/fanout/${file}`), ...args],
});
const at = (path: string) => ({ path, stalledPath: path, hello: '', greetings: 0 });

const greenroom: Server = {
  ...{ name: 'greenroom', ...node('greenroom-server.ts'), ...at(eventsPath) },
  ...{ stalledPath: `${eventsPath}&policy=skip`, greetings: 1 },
};

function others({ socketIo, bun }: Alternatives): readonly Server[] {
  const socketIoPath = '/socket.io/?EIO=4&transport=websocket';
  const bunServer = repositoryFile('bench/fanout/bun-server.ts');
  return [
    { name: 'ws.send loop', ...node('ws-server.ts'), ...at('/') },
    ...(socketIo === undefined
      ? []
      : [
          {
            ...{ name: 'Socket.IO', ...node('socket-io-server.ts', socketIo), ...at(socketIoPath) },
            ...{ hello: '40', greetings: 2 },
          },
        ]),
    ...(bun === undefined ? [] : [{ name: 'Bun publish', program: bun, args: [bunServer], ...at('/') }]),
  ];
}

export async function run(bench: Workbench): Promise<void> {
  if (process.platform !== 'linux') return console.log('fanout: skipped, it reads /proc and needs taskset');
  const alternatives = await installAlternatives(bench);
  if (alternatives.why !== '') console.log(`fanout: left out: ${alternatives.why}`);
  const servers = [greenroom, ...others(alternatives)];
  const nearly = watchers - 10;
  const results: Result[] = [];
  for (const stalled of [0, watchers / 2, nearly])
    for (const perMs of [1, 5, 20])
      for (const server of servers) results.push(await measure(bench, server, { perMs, stalled, watchers }));
  const evicting = { ...greenroom, name: 'greenroom, policy=evict', stalledPath: eventsPath };
  results.push(await measure(bench, evicting, { perMs: 5, stalled: nearly, watchers }));
  const fewer = { ...greenroom, name: 'greenroom, healthy half alone' };
  results.push(await measure(bench, fewer, { perMs: 5, stalled: 0, watchers: watchers / 2 }));
  show(results);
}
