// Machines: every program that tells of its state changes, drawn from nothing else.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { useNow } from '../live/clock.ts';
import { hrefOf, route } from '../route.ts';
import { clock, count, counted, duration, percent } from '../ui/format.ts';
import { StateWord } from '../ui/state-word.tsx';
import { Diagram } from './diagram.tsx';
import type { Machine } from './machine.ts';
import { machines, machinesFrame, machinesWatch } from './machines-store.ts';

/** Drawn at once; of more there is a list to choose from. */
const drawnMax = 12;

export function MachinesPage() {
  const text = useSignal('');
  useEffect(() => {
    machinesWatch.start();
    return () => machinesWatch.close();
  }, []);
  machinesFrame.value;
  const { rest } = route.value;
  const chosen = rest === '' ? undefined : machines.find(rest);
  const needle = text.value.trim().toLowerCase();
  const all = machines.all.filter(({ name }) => name.toLowerCase().includes(needle));
  return (
    <>
      <div class="bar">
        <label class="grow">
          Machine
          <input
            type="search"
            value={text.value}
            onInput={({ currentTarget }) => {
              text.value = currentTarget.value;
            }}
          />
        </label>
        <p>
          <StateWord state={machinesWatch.state.value} />{' '}
          <span class="dim">{counted(machines.all.length, 'machine')}</span>
        </p>
      </div>
      {machines.all.length === 0 && (
        <p class="dim">
          No machine has told of a state yet. Publish <code>{example}</code> and it is drawn here.
        </p>
      )}
      {chosen ? (
        <>
          <p class="bar">
            <a href={hrefOf('machines')}>All machines</a>
          </p>
          <MachineCard machine={chosen} view="whole" />
        </>
      ) : (
        <div class="machines">
          {all.slice(0, drawnMax).map((machine) => (
            <MachineCard key={machine.name} machine={machine} view="short" />
          ))}
          {all.length > drawnMax && (
            <ul class="more">
              {all.slice(drawnMax).map(({ name, now }) => (
                <li key={name}>
                  <a href={hrefOf('machines', name)}>{name}</a> <span class="dim">{now}</span>
                </li>
              ))}
            </ul>
          )}
        </div>
      )}
    </>
  );
}

const example =
  '{"machine_name":"press","event_type":"state_change","payload":{"from_state":"idle","to_state":"busy"}}';

function MachineCard({ machine, view }: { readonly machine: Machine; readonly view: 'short' | 'whole' }) {
  const nowMs = useNow();
  const { name, now, sinceMs, changes, last, more } = machine;
  return (
    <section class="card" aria-label={name}>
      <header>
        <h2>
          <a href={hrefOf('machines', name)}>{name}</a>
        </h2>
        <b>{now}</b>
        <span class="dim">{`for ${duration(nowMs - sinceMs)} · ${counted(changes, 'change')}`}</span>
        {more > 0 && <span class="refusal">{`${more} changes to further states are not drawn`}</span>}
      </header>
      <Diagram machine={machine} />
      <div class="two">
        <StateTimes machine={machine} nowMs={nowMs} />
        <div>
          <h3>Last transitions</h3>
          <ol class="transitions">
            {last.slice(0, view === 'whole' ? 30 : 5).map(({ from, to, trigger, atMs }, n) => (
              <li key={changes - n}>
                <span class="dim">{clock(atMs)}</span> {from ?? '?'} → {to}
                {trigger !== null && <span class="dim">{` · ${trigger}`}</span>}
              </li>
            ))}
          </ol>
        </div>
      </div>
    </section>
  );
}

function StateTimes({ machine, nowMs }: { readonly machine: Machine; readonly nowMs: number }) {
  const rows = [...machine.states.values()].map(({ name, visits, totalMs }) => ({
    ...{ name, visits },
    ms: totalMs + (name === machine.now ? Math.max(0, nowMs - machine.sinceMs) : 0),
  }));
  const all = Math.max(
    1,
    rows.reduce((sum, { ms }) => sum + ms, 0),
  );
  return (
    <div>
      <h3>Time in state</h3>
      <table class="times">
        <tbody>
          {rows.map(({ name, visits, ms }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td class="number">{duration(ms)}</td>
              <td class="number dim">{percent(ms / all)}</td>
              <td class="number dim">{`${count(visits)}×`}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
