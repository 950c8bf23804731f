import { Fragment } from 'preact';
import type { Health, PublicKeys } from '../../../sdk/src/api.ts';
import { useConsole } from '../console.ts';
import { Button } from '../ui/button.tsx';
import { CopyButton } from '../ui/copy.tsx';
import { Loaded } from '../ui/loaded.tsx';
import { Page } from '../ui/page.tsx';
import { useLoad } from '../ui/use-load.ts';

const PART_WORDS = {
  seats: 'Seats (Redis)',
  records: 'Records (Firestore)',
  events: 'Events (Pub/Sub)',
  signing: 'Signing (Cloud KMS)',
} as const;
const PARTS = ['seats', 'records', 'events', 'signing'] as const;

/** Answers with the same body where a part is away. */
const AILING = 503;

export function OperatorHealthPage() {
  const { call } = useConsole();
  const health = useLoad(
    (signal) => call('health', { query: { deep: '1' }, signal, alsoStatus: AILING }),
    [call],
  );
  const keys = useLoad((signal) => call('publicKey', { signal }), [call]);
  return (
    <Page
      title="Health and keys"
      aside={
        <Button
          busy={health.isLoading}
          onClick={() => {
            health.again();
            keys.again();
          }}
        >
          Ask again
        </Button>
      }
    >
      <section class="card" aria-labelledby="parts">
        <h2 id="parts">Parts</h2>
        <Loaded of={health} render={(value) => <Parts health={value} />} />
      </section>
      <section class="card" aria-labelledby="keys">
        <h2 id="keys">Keys that licenses verify with</h2>
        <Loaded of={keys} render={(value) => <Keys keys={value} />} />
      </section>
    </Page>
  );
}

function Parts({ health: { parts } }: { readonly health: Health }) {
  return (
    <dl class="facts">
      {PARTS.map((part) => {
        const isWell = parts?.[part] === 'ok';
        return (
          <Fragment key={part}>
            <dt>{PART_WORDS[part]}</dt>
            <dd>
              <span class={`badge ${isWell ? 'good' : 'bad'}`}>{isWell ? 'Well' : 'Cannot serve'}</span>
            </dd>
          </Fragment>
        );
      })}
    </dl>
  );
}

function Keys({ keys: { key_id: signing, keys } }: { readonly keys: PublicKeys }) {
  return (
    <ul class="keys">
      {keys.map(({ key_id, public_key }) => (
        <li key={key_id}>
          <p>
            <code>{key_id}</code> {key_id === signing && <span class="badge good">Signs now</span>}
          </p>
          <details>
            <summary>Public key</summary>
            <pre>{public_key}</pre>
            <CopyButton text={public_key} what="public key" />
          </details>
        </li>
      ))}
    </ul>
  );
}
