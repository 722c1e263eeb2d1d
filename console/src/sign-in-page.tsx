// Asks for the administrator's token, where the gateway wants one.
import { useSignal } from '@preact/signals';
import { wordsOf } from './live/api.ts';
import { tryNow } from './live/gateway.ts';
import { signIn } from './live/sign-in.ts';

export function SignInPage() {
  const token = useSignal('');
  const refusal = useSignal('');
  const submit = async (event: Event) => {
    event.preventDefault();
    try {
      await signIn(token.value);
      token.value = '';
      tryNow();
    } catch (thrown) {
      refusal.value = wordsOf(thrown);
    }
  };
  return (
    <form class="card narrow" onSubmit={(event) => void submit(event)}>
      <h2>Sign in</h2>
      <p>
        This gateway lets in who has one of its <code>auth.admin</code> tokens. It is exchanged for a cookie
        of this browser and kept nowhere else; <code>/console#token=…</code> does the same.
      </p>
      <label>
        Token
        <input
          type="password"
          autocomplete="current-password"
          required
          value={token.value}
          onInput={({ currentTarget }) => {
            token.value = currentTarget.value;
          }}
        />
      </label>
      <button type="submit" class="main">
        Sign in
      </button>
      {refusal.value !== '' && (
        <p class="refusal" role="alert">
          {refusal.value}
        </p>
      )}
    </form>
  );
}
