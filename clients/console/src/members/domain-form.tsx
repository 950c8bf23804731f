import { useState } from 'preact/hooks';
import type { Tenant } from '../../../sdk/src/api.ts';
import { useConsole } from '../console.ts';
import { Alert } from '../ui/alert.tsx';
import { Button } from '../ui/button.tsx';
import { CopyButton } from '../ui/copy.tsx';
import { useAction } from '../ui/use-action.ts';

interface DomainProps {
  readonly tenant: Tenant;
  onChanged(): void;
}

/** The domain whose users join without an invitation, and the record that proves a claim. */
export function DomainForm({ tenant, onChanged }: DomainProps) {
  const { call } = useConsole();
  const [domain, setDomain] = useState('');
  const params = { tenant_id: tenant.tenant_id };
  const after = async (change: Promise<unknown>): Promise<void> => {
    await change;
    onChanged();
  };
  const claim = useAction(() =>
    after(call('tenantsClaimDomain', { params, body: { domain: domain.trim().toLowerCase() } })),
  );
  const verify = useAction(() => after(call('tenantsVerifyDomain', { params })));
  const release = useAction(() => after(call('tenantsReleaseDomain', { params })));
  const { join_domain, pending_domain } = tenant;
  const problem = claim.problem ?? verify.problem ?? release.problem;
  return (
    <section class="card part" aria-labelledby="domain">
      <h2 id="domain">Domain</h2>
      <p class="quiet">
        Users of your Google Workspace domain become members when they sign in for the first time.
      </p>
      {join_domain !== null && (
        <p>
          <strong>{join_domain}</strong> is verified. Keep its TXT record.
        </p>
      )}
      {pending_domain && (
        <>
          <p>
            <strong>{pending_domain.domain}</strong> is not verified yet. Add this TXT record where you manage
            the domain, then verify.
          </p>
          <dl class="facts">
            <dt>Name</dt>
            <dd class="secret">
              <code>{pending_domain.record_name}</code>
            </dd>
            <dt>Value</dt>
            <dd class="secret">
              <code>{pending_domain.record_value}</code>
            </dd>
          </dl>
          <div class="buttons">
            <CopyButton text={pending_domain.record_name} what="name" />
            <CopyButton text={pending_domain.record_value} what="value" />
            <Button kind="primary" busy={verify.isBusy} onClick={verify.run}>
              Verify domain
            </Button>
          </div>
        </>
      )}
      <form
        class="row-form"
        onSubmit={(event) => {
          event.preventDefault();
          void claim.run();
        }}
      >
        <label class="wide">
          {join_domain === null && !pending_domain ? 'Google Workspace domain' : 'Another domain'}
          <input
            autocomplete="off"
            required
            placeholder="example.com"
            maxLength={230}
            value={domain}
            onInput={({ currentTarget }) => setDomain(currentTarget.value)}
          />
        </label>
        <Button type="submit" busy={claim.isBusy}>
          Claim domain
        </Button>
      </form>
      {(join_domain !== null || pending_domain) && (
        <div class="buttons">
          <Button busy={release.isBusy} onClick={release.run}>
            Release domain
          </Button>
        </div>
      )}
      {problem && <Alert problem={problem} />}
    </section>
  );
}
