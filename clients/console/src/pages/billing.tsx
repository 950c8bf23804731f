import { useEffect } from 'preact/hooks';
import type { License } from '../../../sdk/src/api.ts';
import { BuyForm } from '../billing/buy-form.tsx';
import { hasNotEnded } from '../billing/labels.ts';
import { PortalButton } from '../billing/portal-button.tsx';
import { SubscriptionCard } from '../billing/subscription-card.tsx';
import { useConsole } from '../console.ts';
import { planName, readLicenses, seatsOf } from '../licenses.ts';
import { useQueryValue } from '../router.ts';
import { relativeTo } from '../time.ts';
import { Notice } from '../ui/alert.tsx';
import { KeepFocus } from '../ui/keep-focus.tsx';
import { Loaded } from '../ui/loaded.tsx';
import { Page } from '../ui/page.tsx';
import { Paged } from '../ui/paged.tsx';
import { useLoad } from '../ui/use-load.ts';
import { usePages } from '../ui/use-pages.ts';
import type { TenantPageProps } from '../viewer.ts';

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
  const offer = useLoad(
    async (signal) => {
      const [{ plans }, licenses] = await Promise.all([
        call('checkoutPlans', { signal }),
        readLicenses(call, tenantId, '', signal),
      ]);
      return { plans: plans.filter(({ intervals }) => intervals.length > 0), licenses };
    },
    [call, tenantId],
  );
  const paidFor = new Set(subscriptions.rows.filter(hasNotEnded).map(({ license_id }) => license_id));
  return (
    <Page title="Plan and billing" of={tenant.name}>
      <Purchase onPaid={subscriptions.load.again} />
      {offer.value && <Trials licenses={offer.value.licenses} nowMs={Date.now()} />}
      <section class="part" aria-labelledby="subscriptions">
        <h2 id="subscriptions">Subscriptions</h2>
        <Paged
          of={subscriptions}
          empty={
            <div class="empty">
              <p>{tenant.name} has no subscriptions yet. Buy seats below to start one.</p>
            </div>
          }
          render={(rows) => (
            <KeepFocus>
              {rows.map((subscription) => (
                <SubscriptionCard
                  key={subscription.subscription_id}
                  subscription={subscription}
                  plans={offer.value?.plans ?? []}
                  canPause={tenant.role === 'operator'}
                  onChanged={subscriptions.load.again}
                />
              ))}
            </KeepFocus>
          )}
        />
        {subscriptions.rows.length > 0 && <PortalButton tenantId={tenantId} />}
      </section>
      <section class="card part" aria-labelledby="buy">
        <h2 id="buy">Buy seats</h2>
        <Loaded
          of={offer}
          render={({ plans, licenses }) => (
            <BuyForm tenantId={tenantId} plans={plans} buyable={buyableOf(licenses, paidFor)} />
          )}
        />
      </section>
    </Page>
  );
}

/** The payment provider's event usually arrives within this time. */
const CONFIRMED_WITHIN_MS = 3_000;

/** What happened on the page of the payment provider that the browser returns from. */
function Purchase({ onPaid }: { onPaid(): void }) {
  const [outcome] = useQueryValue('checkout');
  useEffect(() => {
    if (outcome !== 'paid') return undefined;
    const timer = setTimeout(onPaid, CONFIRMED_WITHIN_MS);
    return () => clearTimeout(timer);
  }, [outcome, onPaid]);
  if (outcome === 'paid')
    return (
      <Notice tone="good">
        <p>
          Thank you. Your seats are available once the payment is confirmed, usually within seconds. A new
          license has no key yet: create one on the page “Licenses”, with “Rotate key”.
        </p>
      </Notice>
    );
  if (outcome === 'canceled')
    return (
      <Notice>
        <p>You left the payment page. Nothing was bought.</p>
      </Notice>
    );
  return null;
}

/** The licenses that a purchase can pay for: trials, and those whose subscription has ended. */
function buyableOf(licenses: readonly License[], paidFor: ReadonlySet<string>): License[] {
  return licenses.filter(
    ({ trial, subscription_id, license_id }) =>
      trial || (subscription_id !== null && !paidFor.has(license_id)),
  );
}

interface TrialsProps {
  readonly licenses: readonly License[];
  readonly nowMs: number;
}

function Trials({ licenses, nowMs }: TrialsProps) {
  const trials = licenses.filter(({ trial }) => trial);
  return (
    <>
      {trials.map(({ license_id, plan, max, valid_until }) => {
        const endMs = valid_until === null ? undefined : Date.parse(valid_until);
        const hasEnded = endMs !== undefined && endMs <= nowMs;
        return (
          <Notice key={license_id} tone="warn">
            <p>
              Your {planName(plan)} trial with {seatsOf(max)}
              {endMs === undefined
                ? ' has no end date'
                : ` ${hasEnded ? 'ended' : 'ends'} ${relativeTo(endMs, nowMs)}`}
              . Buy seats for its license below: its key stays the same.
            </p>
          </Notice>
        );
      })}
    </>
  );
}
