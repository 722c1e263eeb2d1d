// Who watches, the slowest first, and who publishes.
import { useSignal } from '@preact/signals';
import { askList } from '../live/api.ts';
import { usePoll } from '../live/poll.ts';
import { bytes, count, counted, duration } from '../ui/format.ts';
import { StateWord } from '../ui/state-word.tsx';

interface Watcher {
  readonly id: string;
  readonly remote: string;
  readonly transport: string;
  readonly topics: readonly string[];
  readonly policy: string;
  readonly state: string;
  readonly pace: 'well' | 'lagging';
  readonly lagEvents: number | null;
  readonly unsentMs: number;
  readonly silentMs: number;
  readonly rttMs: number | null;
  readonly latency: {
    readonly lastMs: number | null;
    readonly p99Ms: number | null;
    readonly maxMs: number | null;
  };
  readonly events: number;
  readonly bytes: number;
  readonly gaps: number;
  readonly ageMs: number;
}

interface Producer {
  readonly id: string;
  readonly kind: string;
  readonly state: string;
  readonly remote: string | null;
  readonly pid: number | null;
  readonly accepted: number;
  readonly bytes: number;
  readonly rejected: Readonly<Record<string, number>>;
}

/** The slowest of them: nobody reads two thousand rows, and nobody should have to be sent them each second. */
const shownMax = 100;

const ms = (value: number | null) =>
  value === null ? '–' : `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;

export function Watchers() {
  const rows = useSignal<readonly Watcher[]>([]);
  usePoll(async () => {
    rows.value = await askList<Watcher>(`/api/clients?sort=lag&limit=${shownMax}`);
  }, 1000);
  const slow = rows.value.filter(({ pace, state }) => pace === 'lagging' || state === 'blocked').length;
  return (
    <section aria-label="watchers">
      <h2>
        Watchers{' '}
        <small class="dim">
          {`${rows.value.length >= shownMax ? `the ${shownMax} slowest` : count(rows.value.length)}, ${slow} slow`}
        </small>
      </h2>
      <table class="rows">
        <thead>
          <tr>
            {['watcher', 'state', 'topics'].map((name) => (
              <th scope="col" key={name}>
                {name}
              </th>
            ))}
            {['unsent', 'silent', 'behind', 'latency p99', 'RTT', 'events', 'gaps'].map((name) => (
              <th scope="col" class="number" key={name}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.value.map((one) => (
            <tr key={one.id}>
              <th scope="row">
                <code>{one.id}</code>
                <div class="dim">{`${one.remote} · ${one.transport} · ${one.policy} · ${duration(one.ageMs)}`}</div>
              </th>
              <td data-label="state">
                <StateWord state={one.pace === 'lagging' ? 'slow' : one.state} />
              </td>
              <td data-label="topics">{one.topics.join(', ')}</td>
              <td class="number" data-label="unsent">
                {ms(one.unsentMs)}
              </td>
              <td class="number" data-label="silent">
                {ms(one.silentMs)}
              </td>
              <td class="number" data-label="behind">
                {one.lagEvents === null ? 'many' : count(one.lagEvents)}
              </td>
              <td class="number" data-label="latency p99">
                {ms(one.latency.p99Ms)}
              </td>
              <td class="number" data-label="RTT">
                {ms(one.rttMs)}
              </td>
              <td class="number" data-label="events">
                {count(one.events)}
              </td>
              <td class="number" data-label="gaps">
                {count(one.gaps)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

export function Producers() {
  const rows = useSignal<readonly Producer[]>([]);
  usePoll(async () => {
    rows.value = (await askList<Producer>('/api/producers')).slice(0, shownMax);
  }, 2000);
  return (
    <section aria-label="producers">
      <h2>
        Producers <small class="dim">{count(rows.value.length)}</small>
      </h2>
      {rows.value.length === 0 ? (
        <p class="dim">Nobody has published anything yet.</p>
      ) : (
        <table class="rows">
          <thead>
            <tr>
              <th scope="col">producer</th>
              <th scope="col">state</th>
              <th scope="col" class="number">
                accepted
              </th>
              <th scope="col" class="number">
                size
              </th>
              <th scope="col">refused</th>
            </tr>
          </thead>
          <tbody>
            {rows.value.map((one) => (
              <tr key={one.id}>
                <th scope="row">
                  <code>{one.id}</code>{' '}
                  <span class="dim">
                    {[one.remote, one.pid === null ? null : `pid ${one.pid}`].filter(Boolean).join(' · ')}
                  </span>
                </th>
                <td data-label="state">
                  <StateWord state={one.state} />
                </td>
                <td class="number" data-label="accepted">
                  {counted(one.accepted, 'event')}
                </td>
                <td class="number" data-label="size">
                  {bytes(one.bytes)}
                </td>
                <td data-label="refused">
                  {Object.entries(one.rejected)
                    .map(([code, many]) => `${code} ${many}`)
                    .join(', ') || 'none'}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
