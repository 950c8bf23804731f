import { useState } from 'preact/hooks';
import type { License, Plan } from '../../../sdk/src/api.ts';
import { BuyDialog } from '../billing/buy-dialog.tsx';
import { SubscriptionCard } from '../billing/subscription-card.tsx';
import { worthOf } from '../billing/words.ts';
import { useConsole } from '../console.ts';
import { planName, readLicenses } from '../licenses.ts';
import type { TenantPageProps } from '../pages.ts';
import { Alert, Notice } from '../ui/alert.tsx';
import { Button } from '../ui/button.tsx';
import { Loaded } from '../ui/loaded.tsx';
import { Moment } from '../ui/moment.tsx';
import { Page } from '../ui/page.tsx';
import { Paged } from '../ui/paged.tsx';
import { useAction } from '../ui/use-action.ts';
import { useLoad } from '../ui/use-load.ts';
import { usePages } from '../ui/use-pages.ts';

export function BillingPage({ tenant }: TenantPageProps) {
  const { call } = useConsole();
  const { tenantId } = tenant;
  const subscriptions = usePages(
    async (cursor, signal) => {
      const page = await call('subscriptionsList', { query: { tenant_id: tenantId, ...cursor }, signal });
      return { rows: page.subscriptions, nextCursor: page.next_cursor };
    },
    [call, tenantId],
  );
  const trials = useLoad(
    async (signal) => (await readLicenses(call, tenantId, '', signal)).filter(({ trial }) => trial),
    [call, tenantId],
  );
  const plans = useLoad(async (signal) => (await call('checkoutPlans', { signal })).plans, [call]);
  const portal = useAction(async () => {
    const { portal_url } = await call('checkoutPortal', { body: { tenant_id: tenantId } });
    location.assign(portal_url);
    // The button stays busy until the browser has gone.
    await new Promise<never>(() => {});
  });
  const [trial] = trials.value ?? [];
  return (
    <Page
      title="Plan and billing"
      of={tenant.name}
      aside={
        subscriptions.rows.length > 0 && (
          <Button busy={portal.isBusy} onClick={portal.run}>
            Cards and invoices
          </Button>
        )
      }
    >
      {portal.problem && <Alert problem={portal.problem} />}
      {trial && <TrialNotice trial={trial} />}
      <h2 class="section">Subscriptions</h2>
      <Paged
        of={subscriptions}
        empty={<p class="quiet">Nothing is paid for yet.</p>}
        render={(rows) =>
          rows.map((subscription) => (
            <SubscriptionCard
              key={subscription.subscription_id}
              subscription={subscription}
              onChanged={subscriptions.load.again}
            />
          ))
        }
      />
      <h2 class="section">Buy seats</h2>
      <Loaded of={plans} render={(all) => <Plans plans={all} tenantId={tenantId} trial={trial} />} />
    </Page>
  );
}

function TrialNotice({ trial: { valid_until } }: { readonly trial: License }) {
  return (
    <Notice tone="warn">
      <p>
        A trial runs{valid_until !== null && <> until {<Moment at={valid_until} />}</>}. What you buy now pays
        for the license of the trial: its key and its seats stay.
      </p>
    </Notice>
  );
}

interface PlansProps {
  readonly plans: readonly Plan[];
  readonly tenantId: string;
  readonly trial: License | undefined;
}

function Plans({ plans, tenantId, trial }: PlansProps) {
  const [buying, setBuying] = useState<Plan>();
  const forSale = plans.filter(({ intervals }) => intervals.length > 0);
  if (forSale.length === 0) return <p class="quiet">Nothing is for sale here: ask the vendor.</p>;
  return (
    <>
      <ul class="plans">
        {forSale.map((plan) => (
          <li key={plan.plan} class="card">
            <h3>{planName(plan.plan)}</h3>
            <ul>
              {worthOf(plan).map((worth) => (
                <li key={worth}>{worth}</li>
              ))}
            </ul>
            <Button label={`Buy ${planName(plan.plan)}`} onClick={() => setBuying(plan)}>
              Buy
            </Button>
          </li>
        ))}
      </ul>
      {buying && (
        <BuyDialog plan={buying} tenantId={tenantId} license={trial} onClose={() => setBuying(undefined)} />
      )}
    </>
  );
}
