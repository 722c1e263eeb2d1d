// Talk: a call to any pipeline, by voice or by typing.
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { askList } from '../live/api.ts';
import { useEachConnection } from '../live/poll.ts';
import { duration, percent } from '../ui/format.ts';
import { StateWord } from '../ui/state-word.tsx';
import { type Call, currentCall, startCall } from './call.ts';
import type { Conversation } from './conversation.ts';
import { Latency } from './latency-table.tsx';
import { Meters } from './meters.tsx';

interface Pipeline {
  readonly name: string;
  readonly kind: string;
}

export function TalkPage() {
  const pipelines = useSignal<readonly Pipeline[]>([]);
  const chosen = useSignal('');
  useEachConnection(
    () =>
      void askList<Pipeline>('/api/pipelines')
        .then((list) => {
          pipelines.value = list;
        })
        .catch(() => undefined),
  );
  const call = currentCall.value;
  const live = call !== null && call.conversation.value.state !== 'ended';
  return (
    <>
      <div class="bar">
        <label>
          Pipeline
          <select
            value={chosen.value}
            disabled={live}
            onChange={({ currentTarget }) => {
              chosen.value = currentTarget.value;
            }}
          >
            <option value="">default</option>
            {pipelines.value
              .filter(({ name }) => name !== 'default')
              .map(({ name, kind }) => (
                <option key={name} value={name}>{`${name} (${kind})`}</option>
              ))}
          </select>
        </label>
        {live ? (
          <button type="button" class="danger" onClick={() => call.hangUp()}>
            Hang up
          </button>
        ) : (
          <button
            type="button"
            class="main"
            onClick={() => startCall(chosen.value === '' ? undefined : chosen.value)}
          >
            Call
          </button>
        )}
        {call && <CallState conversation={call.conversation.value} />}
      </div>
      {call === null ? (
        <p class="dim">
          Call, and then type or switch the microphone on. Headphones keep the microphone from hearing the
          answers.
        </p>
      ) : (
        <CallView call={call} live={live} />
      )}
    </>
  );
}

function CallState({ conversation }: { readonly conversation: Conversation }) {
  const { state, speech, reason, session } = conversation;
  return (
    <p role="status">
      <StateWord state={state} />
      {speech === 'speaking' && (
        <>
          {' '}
          <StateWord state="speaking" label="you speak" />
        </>
      )}
      <span class="dim">{` ${reason || (session ?? '')}`}</span>
    </p>
  );
}

function CallView({ call, live }: { readonly call: Call; readonly live: boolean }) {
  const conversation = call.conversation.value;
  return (
    <div class="talk">
      <div>
        <Lobby conversation={conversation} />
        <Transcript conversation={conversation} />
        {live && <Microphone call={call} />}
        {live && <TypeLine call={call} />}
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: on a phone it scrolls, and the keyboard has to reach it. */}
      <aside class="card" aria-label="latency" tabIndex={0}>
        <h2>Latency</h2>
        <Latency answers={conversation.answers} />
      </aside>
    </div>
  );
}

function Lobby({ conversation: { lobby } }: { readonly conversation: Conversation }) {
  if (lobby === null || lobby.state === 'ready') return null;
  return (
    <div class={lobby.state === 'failed' ? 'failure' : 'card waiting'} role="status">
      <p>
        <b>{lobby.state === 'failed' ? 'It cannot be answered' : 'In the lobby'}</b>
        {lobby.error && ` ${lobby.error.message}`}
      </p>
      {lobby.engines.map(({ name, state, rung, progress, eta_ms: eta, elapsed_ms: elapsed }) => (
        <p key={name}>
          {name} <StateWord state={state} />
          <span class="dim">
            {` ${[
              rung,
              progress === null ? null : percent(progress),
              duration(elapsed),
              eta ? `about ${duration(eta)} left` : null,
            ]
              .filter(Boolean)
              .join(' · ')}`}
          </span>
        </p>
      ))}
    </div>
  );
}

const names = { you: 'you', answer: 'answer', notice: 'gateway', task: 'task' } as const;

function Transcript({ conversation: { lines } }: { readonly conversation: Conversation }) {
  const box = useRef<HTMLOListElement>(null);
  useEffect(() => {
    if (box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [lines]);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and the keyboard has to reach it.
    <ol class="transcript" ref={box} tabIndex={0} aria-label="transcript">
      {lines.length === 0 && <li class="dim">Nothing was said yet.</li>}
      {lines.map(({ id, who, text, state }) => (
        <li key={id} class={`${who} ${state}`}>
          <span class="who">{names[who]}</span>
          <span>
            {text}
            {state === 'cut' && <span class="dim"> (cut short)</span>}
          </span>
        </li>
      ))}
    </ol>
  );
}

function Microphone({ call }: { readonly call: Call }) {
  const how = call.listening.value;
  const choices = [
    ['off', 'Microphone off'],
    ['open', 'Listen'],
    ['push', 'Push to talk'],
  ] as const;
  return (
    <div class="bar mic">
      {choices.map(([name, label]) => (
        <button key={name} type="button" aria-pressed={how === name} onClick={() => void call.listen(name)}>
          {label}
        </button>
      ))}
      {how === 'push' && <PushButton call={call} />}
      <button
        type="button"
        disabled={call.conversation.value.state !== 'responding'}
        onClick={() => call.interrupt()}
      >
        Interrupt
      </button>
      <Meters call={call} />
      {call.trouble.value !== '' && (
        <p class="refusal" role="alert">
          {call.trouble.value}
        </p>
      )}
    </div>
  );
}

/** Held with the mouse, a finger, or the space bar. */
function PushButton({ call }: { readonly call: Call }) {
  const isKey = (event: KeyboardEvent) => event.key === ' ' || event.key === 'Enter';
  return (
    <button
      type="button"
      class="main push"
      aria-pressed={call.held.value === 'held'}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        call.press();
      }}
      onPointerUp={() => call.release()}
      onPointerCancel={() => call.release()}
      onKeyDown={(event) => {
        if (!isKey(event)) return;
        event.preventDefault();
        if (!event.repeat) call.press();
      }}
      onKeyUp={(event) => {
        if (isKey(event)) call.release();
      }}
      onBlur={() => call.release()}
    >
      {call.held.value === 'held' ? 'Speak, and let go' : 'Hold to talk'}
    </button>
  );
}

function TypeLine({ call }: { readonly call: Call }) {
  const text = useSignal('');
  const submit = (event: Event) => {
    event.preventDefault();
    if (text.value.trim() === '') return;
    call.say(text.value.trim());
    text.value = '';
  };
  return (
    <form class="bar" onSubmit={submit}>
      <label class="grow">
        Type
        <input
          value={text.value}
          autocomplete="off"
          onInput={({ currentTarget }) => {
            text.value = currentTarget.value;
          }}
        />
      </label>
      <button type="submit">Send</button>
    </form>
  );
}
