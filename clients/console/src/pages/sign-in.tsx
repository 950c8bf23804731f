import { useEffect, useState } from 'preact/hooks';
import type { OwnCredentials } from '../credentials.ts';
import { beginSignIn } from '../sign-in.ts';
import { Alert, Notice } from '../ui/alert.tsx';
import { Brand } from '../ui/brand.tsx';
import { Button } from '../ui/button.tsx';
import { useAction } from '../ui/use-action.ts';

interface SignInProps {
  readonly credentials: OwnCredentials;
  readonly trouble: string | undefined;
}

export function SignInPage({ credentials, trouble }: SignInProps) {
  // The purchase was begun in an app of the vendor, or in another tab.
  const isPaid = new URL(location.href).searchParams.get('checkout') === 'paid';
  const signIn = useAction(async () => {
    const returnTo = `${location.pathname}${location.search}`;
    location.assign(await beginSignIn(sessionStorage, location.origin, returnTo));
    // The button stays busy until the browser leaves the page.
    await new Promise<never>(() => {});
  });
  useEffect(() => {
    document.title = 'Sign in · Seatlease';
  }, []);
  return (
    <main class="screen sign-in">
      <p class="brand">
        <Brand />
      </p>
      <h1>Sign in to Seatlease</h1>
      <p class="quiet">See who uses your seats, evict sessions, and find out how many seats you need.</p>
      {isPaid && (
        <Notice tone="good">
          <p>Thank you for your purchase. You can close this window, or sign in.</p>
        </Notice>
      )}
      {trouble !== undefined && (
        <div role="alert">
          <Notice tone="warn">{trouble}</Notice>
        </div>
      )}
      <Button kind="primary" busy={signIn.isBusy} onClick={signIn.run}>
        Sign in
      </Button>
      <OperatorKey credentials={credentials} />
    </main>
  );
}

/** Signs in with the operator key. The vendor needs it until the first user is an operator. */
function OperatorKey({ credentials }: Pick<SignInProps, 'credentials'>) {
  const [key, setKey] = useState('');
  const enter = useAction(() => credentials.useOperatorKey(key.trim()));
  return (
    <details>
      <summary>Use the operator key</summary>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void enter.run();
        }}
      >
        <label>
          Operator key
          <input
            type="password"
            autocomplete="off"
            required
            value={key}
            onInput={({ currentTarget }) => setKey(currentTarget.value)}
          />
        </label>
        <p class="quiet small">
          The key is kept in this page only, until you close or reload it. An operator token works too, as far
          as its scopes allow.
        </p>
        {enter.problem && <Alert problem={enter.problem} />}
        <Button type="submit" busy={enter.isBusy}>
          Sign in with key
        </Button>
      </form>
    </details>
  );
}
