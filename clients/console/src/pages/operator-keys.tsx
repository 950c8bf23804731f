import { useConsole } from '../console.ts';
import { CopyButton } from '../ui/copy.tsx';
import { Loaded } from '../ui/loaded.tsx';
import { Page } from '../ui/page.tsx';
import { useLoad } from '../ui/use-load.ts';

/** The keys that verify signed licenses: the current signing key, and older keys that only verify. */
export function OperatorKeysPage() {
  const { call } = useConsole();
  const keys = useLoad((signal) => call('publicKey', { signal }), [call]);
  return (
    <Page title="Signing keys" of="Operator">
      <Loaded
        of={keys}
        render={(value) =>
          value.keys.map(({ key_id, public_key, algorithm }) => (
            <article key={key_id} class="card" aria-labelledby={key_id}>
              <div class="card-head">
                <h2 id={key_id}>
                  Key <code>{key_id}</code>
                </h2>
                <span class={`badge ${key_id === value.key_id ? 'good' : ''}`}>
                  {key_id === value.key_id ? 'Signing' : 'Verifying only'}
                </span>
              </div>
              <p class="quiet small">{algorithm}</p>
              <details>
                <summary>Public key (PEM)</summary>
                <pre class="secret">
                  <code>{public_key}</code>
                </pre>
              </details>
              <div class="buttons">
                <CopyButton text={public_key} what="public key" />
              </div>
            </article>
          ))
        }
      />
      <p class="quiet small footnote">
        Keys are created and retired in the key store, not in the console. Programs that verify licenses
        should read all keys from <a href="/.well-known/jwks.json">/.well-known/jwks.json</a>.
      </p>
    </Page>
  );
}
