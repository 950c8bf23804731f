import { useState } from 'preact/hooks';
import type { Tenant } from '../../../sdk/src/api.ts';
import { useConsole } from '../console.ts';
import { Alert } from '../ui/alert.tsx';
import { Button } from '../ui/button.tsx';
import { Confirm } from '../ui/confirm.tsx';
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
  const [isReleasing, setReleasing] = useState(false);
  const params = { tenant_id: tenant.tenant_id };
  const claim = useAction(async () => {
    await call('tenantsClaimDomain', { params, body: { domain: domain.trim().toLowerCase() } });
    setDomain('');
    onChanged();
  });
  const verify = useAction(async () => {
    await call('tenantsVerifyDomain', { params });
    onChanged();
  });
  const { join_domain, pending_domain } = tenant;
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
          {verify.problem && <Alert problem={verify.problem} />}
        </>
      )}
      <form
        class="row-form footnote"
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
      {claim.problem && <Alert problem={claim.problem} />}
      {(join_domain !== null || pending_domain) && (
        <div class="buttons">
          <Button onClick={() => setReleasing(true)}>Release domain</Button>
        </div>
      )}
      {isReleasing && (
        <Confirm
          title={`Release ${join_domain ?? pending_domain?.domain}?`}
          verb="Release domain"
          onClose={() => setReleasing(false)}
          act={async () => {
            await call('tenantsReleaseDomain', { params });
            onChanged();
          }}
        >
          <p>New users of the domain no longer join. Members stay. You can claim the domain again.</p>
        </Confirm>
      )}
    </section>
  );
}
