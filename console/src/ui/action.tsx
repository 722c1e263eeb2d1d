// A button that asks the gateway for something, and says so when it is refused.
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { wordsOf } from '../live/api.ts';

export interface ActionProps {
  readonly act: () => Promise<unknown>;
  readonly children: ComponentChildren;
  readonly label?: string | undefined;
  readonly disabled?: boolean | undefined;
  readonly tone?: 'danger' | 'main' | undefined;
  /** Asked first, in a box of the browser. */
  readonly confirm?: string | undefined;
}

export function Action({ act, children, label, disabled = false, tone, confirm: question }: ActionProps) {
  const state = useSignal<'still' | 'asking'>('still');
  const refusal = useSignal('');
  const click = async () => {
    if (question !== undefined && !confirm(question)) return;
    state.value = 'asking';
    refusal.value = '';
    try {
      await act();
    } catch (thrown) {
      refusal.value = wordsOf(thrown);
    }
    state.value = 'still';
  };
  return (
    <>
      <button
        type="button"
        class={tone ?? ''}
        aria-label={label}
        disabled={disabled || state.value === 'asking'}
        onClick={() => void click()}
      >
        {children}
      </button>
      {refusal.value !== '' && (
        <span class="refusal" role="alert">
          {refusal.value}
        </span>
      )}
    </>
  );
}
