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
  const signIn = useAction(async () => {
    const returnTo = `${location.pathname}${location.search}`;
    location.assign(await beginSignIn(sessionStorage, location.origin, returnTo));
    // The button stays busy until the browser has gone.
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
      <h1>Who holds your seats?</h1>
      <p class="quiet">See it live, give seats back, and know how many you need.</p>
      {trouble !== undefined && (
        <div role="alert">
          <Notice tone="warn">{trouble}</Notice>
        </div>
      )}
      <Button kind="primary" busy={signIn.isBusy} onClick={signIn.run}>
        Sign in with Google
      </Button>
      <OperatorKey credentials={credentials} />
    </main>
  );
}

/** The way in for a vendor's first operator, who has nothing but the key that the server was set up with. */
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
        <p class="quiet small">It is kept until you close or reload this page, and nowhere else.</p>
        {enter.problem && <Alert problem={enter.problem} />}
        <Button type="submit" busy={enter.isBusy}>
          Continue
        </Button>
      </form>
    </details>
  );
}
