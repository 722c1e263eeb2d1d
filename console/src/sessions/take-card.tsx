// A recording: both sides, to be looked at and listened to.
import { has } from '../live/abilities.ts';
import { remove } from '../live/api.ts';
import { Action } from '../ui/action.tsx';
import { Facts } from '../ui/facts.tsx';
import { bytes, day, duration } from '../ui/format.ts';
import { StateWord } from '../ui/state-word.tsx';
import { PlaybackBox } from './playback-box.tsx';
import type { Take } from './sessions-api.ts';
import { Waveform } from './waveform.tsx';

export function TakeCard({ take, look }: { readonly take: Take; readonly look: () => Promise<void> }) {
  const { id, state, startedAtMs, bytes: size, reason, caller, assistant, error } = take;
  const parts = [
    { part: 'caller', track: caller },
    { part: 'assistant', track: assistant },
  ] as const;
  return (
    <article class="card" aria-label={`recording ${take.take}`}>
      <header>
        <h3>{`Take ${take.take}`}</h3>
        <StateWord state={state} />
        <span class="dim">{day(startedAtMs)}</span>
      </header>
      <Facts
        of={[
          ['caller', caller && duration(caller.durationMs)],
          ['answers', assistant && duration(assistant.durationMs)],
          ['size', bytes(size)],
          ['ended by', reason],
          ['error', error?.message],
        ]}
      />
      {parts.map(({ part, track }) =>
        track && track.samples > 0 ? (
          <Waveform
            key={part}
            label={part}
            url={`/api/recordings/${id}/audio?part=${part}`}
            samples={track.samples}
            rateHz={track.rateHz}
          />
        ) : null,
      )}
      {state !== 'recording' && has('/api/playback/start') && <PlaybackBox recording={id} />}
      <footer>
        {parts.map(({ part, track }) =>
          track && track.samples > 0 ? (
            <a
              key={part}
              class="button"
              href={`/api/recordings/${id}/audio?part=${part}`}
              download={`${id.replace('/', '-')}-${part}.wav`}
            >
              {`Save ${part}`}
            </a>
          ) : null,
        )}
        {state !== 'recording' && (
          <Action
            tone="danger"
            confirm="Remove this recording with its files?"
            act={() => remove(`/api/recordings/${id}`).then(look)}
          >
            Remove
          </Action>
        )}
      </footer>
    </article>
  );
}
