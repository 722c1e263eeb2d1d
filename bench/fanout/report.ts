// What the fan-out found, printed: a table, and what the promises are held against.
import { shownMs } from '../measure.ts';
import { type Result, windowMs, windows } from './case.ts';

const perMsAimed = 5;

export function show(results: readonly Result[]): void {
  const [first] = results;
  if (!first) return;
  console.log(
    `fanout: ${first.watchers} watchers, events of 220 bytes, one core for the server; of ${windows} windows of ${windowMs} ms the one in which others took least of the two cores`,
  );
  let heading = '';
  for (const result of results) {
    const title = `${result.perMs} events/ms, ${result.stalled} of ${result.watchers} stalled`;
    if (title !== heading) console.log(`  ${title}`);
    heading = title;
    console.log(`    ${line(result)}`);
  }
  const at = (name: string, perMs: number, stalled: number) =>
    results.find((each) => each.name === name && each.perMs === perMs && each.stalled === stalled);
  for (const other of ['ws.send loop', 'Socket.IO', 'Bun publish']) showRatios(results, other, at);
  const ours = at('greenroom', perMsAimed, 0);
  if (ours)
    console.log(
      `  (targets at 5 events/ms: 1,000,000 deliveries/s, p99 <= 5 ms, <= 1.0 us CPU a delivery; >= 4x the loop, >= 7x Socket.IO)`,
    );
  showStalled(results, first.watchers, at);
}

function line(result: Result): string {
  const {
    name,
    perSecond,
    p50Ms,
    p99Ms,
    cpuUs,
    serverShare,
    receiverShare,
    othersShare,
    lost,
    publishedShare,
  } = result;
  const percent = (share: number) => `${Math.round(share * 100)} %`.padStart(5);
  const late =
    publishedShare > 0.995 ? '' : `  the producer was held up: published ${percent(publishedShare)}`;
  const gone = lost === 0 ? 'none lost' : `${lost.toLocaleString('en')} lost`;
  return `${name.padEnd(29)}${Math.round(perSecond).toLocaleString('en').padStart(10)}/s  p50${shownMs(p50Ms).padStart(10)}  p99${shownMs(p99Ms).padStart(10)}  ${cpuUs.toFixed(2).padStart(5)} us CPU  server${percent(serverShare)}  receiver${percent(receiverShare)}  others${percent(othersShare)}  +${megabytes(result.grownBytes).padStart(6)}  ${gone}${late}`;
}

type At = (name: string, perMs: number, stalled: number) => Result | undefined;

function showRatios(results: readonly Result[], other: string, at: At): void {
  const cells: string[] = [];
  for (const { perMs, stalled } of results.filter(({ name }) => name === other)) {
    const [ours, theirs] = [at('greenroom', perMs, stalled), at(other, perMs, stalled)];
    if (!ours || !theirs || stalled > 0) continue;
    const rate = ours.perSecond / theirs.perSecond;
    cells.push(`${perMs}/ms ${rate.toFixed(1)}x (CPU ${(theirs.cpuUs / ours.cpuUs).toFixed(1)}x less)`);
  }
  if (cells.length > 0) console.log(`  deliveries/s against ${other.padEnd(13)} ${cells.join('  ')}`);
}

function showStalled(results: readonly Result[], watchers: number, at: At): void {
  const [none, half, nearly] = [0, watchers / 2, watchers - 10].map((stalled) =>
    at('greenroom', perMsAimed, stalled),
  );
  const alone = results.find(({ name }) => name === 'greenroom, healthy half alone');
  if (!none || !half || !nearly || !alone) return;
  const ratio = (one: number, other: number) => `${(one / other).toFixed(2)}x`;
  console.log(
    `  p99 of the healthy, half stalled: ${ratio(half.p99Ms, none.p99Ms)} none stalled, ${ratio(half.p99Ms, alone.p99Ms)} the same ones alone (target: within 5 %)`,
  );
  const each = (result: Result, stalled: number, base: Result) =>
    `${((result.grownBytes - base.grownBytes) / stalled / 1024).toFixed(0)} KB`;
  const naive = at('ws.send loop', perMsAimed, watchers - 10);
  const naiveNone = at('ws.send loop', perMsAimed, 0);
  const theirs = naive && naiveNone ? `; of the loop ${each(naive, watchers - 10, naiveNone)}` : '';
  console.log(
    `  memory that grew for each stalled watcher in ${4} s of 5 events/ms: ${each(nearly, watchers - 10, none)}${theirs} (target: O(1))`,
  );
}

const megabytes = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(0)} MB`;
