// A recording: both sides, to be looked at and listened to.
import type { TakeFacts } from '../../../src/recordings/facts.ts';
import { remove } from '../live/api.ts';
import { Action } from '../ui/action.tsx';
import { Facts } from '../ui/facts.tsx';
import { bytes, day, duration } from '../ui/format.ts';
import { StateWord } from '../ui/state-word.tsx';
import { PlaybackBox } from './playback-box.tsx';
import { sidesOf } from './sides.ts';
import { Waveform } from './waveform.tsx';

export function TakeCard({ take, look }: { readonly take: TakeFacts; readonly look: () => Promise<void> }) {
  const { id, state, source, startedAtMs, bytes: size, reason, caller, assistant, error } = take;
  const sides = sidesOf(take);
  return (
    <article class="card" aria-label={`recording ${take.take}`}>
      <header>
        <h3>{`Take ${take.take}`}</h3>
        <StateWord state={state} />
        <span class="dim">{`${day(startedAtMs)}${source === 'import' ? ', brought along' : ''}`}</span>
      </header>
      <Facts
        of={[
          ['caller', `${duration(caller.durationMs)}, ${caller.container} ${caller.codec}`],
          ['answers', assistant.samples > 0 ? duration(assistant.durationMs) : null],
          ['size', bytes(size)],
          ['ended by', reason],
          ['error', error?.message],
        ]}
      />
      {sides.map(({ label, url, track }) => (
        <Waveform key={label} label={label} url={url} track={track} />
      ))}
      {state !== 'recording' && sides.length > 0 && <PlaybackBox recording={id} />}
      <footer>
        {sides.map(({ label, url, file }) => (
          <a key={label} class="button" href={url} download={file}>
            {`Save ${label}`}
          </a>
        ))}
        {state !== 'recording' && (
          <Action
            tone="danger"
            label={`Remove take ${take.take}`}
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
