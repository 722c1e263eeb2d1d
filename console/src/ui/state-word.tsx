// A state, as a word with its colour: nobody has to see the colour.

type Tone = 'good' | 'busy' | 'bad' | 'calm' | 'info';

const tones: Readonly<Record<string, Tone>> = {
  ...{
    ready: 'good',
    healthy: 'good',
    open: 'good',
    live: 'good',
    done: 'good',
    finished: 'good',
    on: 'good',
    current: 'good',
    completed: 'good',
  },
  ...{ starting: 'busy', backoff: 'busy', stopping: 'busy', waiting: 'busy', lobby: 'busy', closing: 'busy' },
  ...{ connecting: 'busy', leaving: 'busy', shutting_down: 'busy', overloaded: 'busy', reconnecting: 'busy' },
  ...{ failed: 'bad', overdue: 'bad', blocked: 'bad', slow: 'bad', gone: 'bad', unclean: 'bad', lost: 'bad' },
  ...{ interrupted: 'bad', refused: 'bad', signed_out: 'bad', progress: 'info', started: 'info' },
  ...{ away: 'busy', building: 'busy', draining: 'busy', checking: 'busy', playing: 'info' },
  ...{ recording: 'info', running: 'info', responding: 'info', speaking: 'info', listening: 'good' },
};

export function StateWord({ state, label }: { readonly state: string; readonly label?: string | undefined }) {
  return (
    <span class={`state ${tones[state] ?? 'calm'}`}>
      <span class="dot" aria-hidden="true" />
      {label ?? state.replaceAll('_', ' ')}
    </span>
  );
}
