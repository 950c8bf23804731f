import { useState } from 'preact/hooks';
import type { OperatorScope } from '../../../sdk/src/api.ts';
import { Alert } from '../ui/alert.tsx';
import { Button } from '../ui/button.tsx';
import { NumberField } from '../ui/number-field.tsx';
import { useAction } from '../ui/use-action.ts';
import { useCreate } from '../use-create.ts';

/** `onCreated` gets the token, which the API returns only once. */
export function CreateToken({ onCreated }: { onCreated(token: string): void }) {
  const send = useCreate();
  const [name, setName] = useState('');
  const [scopes, setScopes] = useState('read');
  const [days, setDays] = useState(90);
  const create = useAction(async () => {
    // The server knows the scopes, and says which one is wrong.
    const named = scopes.split(/[\s,]+/).filter(Boolean) as OperatorScope[];
    const { operator_token } = await send('operatorTokensCreate', {
      body: { name: name.trim(), scopes: named, expires_in_days: days },
    });
    setName('');
    onCreated(operator_token);
  });
  return (
    <section class="card part" aria-labelledby="new-token">
      <h2 id="new-token">Create an operator token</h2>
      <form
        class="row-form"
        onSubmit={(event) => {
          event.preventDefault();
          void create.run();
        }}
      >
        <label class="wide">
          Name
          <input
            required
            maxLength={100}
            autocomplete="off"
            placeholder="What will use it"
            value={name}
            onInput={({ currentTarget }) => setName(currentTarget.value)}
          />
        </label>
        <label class="wide">
          Scopes
          <input
            required
            autocomplete="off"
            aria-describedby="scopes-hint"
            value={scopes}
            onInput={({ currentTarget }) => setScopes(currentTarget.value)}
          />
        </label>
        <NumberField label="Days until it expires" min={1} value={days} onChange={setDays} />
        <Button type="submit" kind="primary" busy={create.isBusy}>
          Create token
        </Button>
      </form>
      <p id="scopes-hint" class="quiet small footnote">
        <code>read</code> to read everything, <code>all</code> for everything, or single ones such as{' '}
        <code>licenses:read, licenses:write</code>.
      </p>
      {create.problem && <Alert problem={create.problem} />}
    </section>
  );
}
