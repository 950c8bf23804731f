import { useState } from 'preact/hooks';
import type { License, Plan } from '../../../sdk/src/api.ts';
import { limitsText, nameOf, planName, seatsOf } from '../licenses.ts';
import { Alert } from '../ui/alert.tsx';
import { Button } from '../ui/button.tsx';
import { useAction } from '../ui/use-action.ts';
import { useCreate } from '../use-create.ts';
import { INTERVAL_LABELS, type Interval, priceText, totalText } from './labels.ts';
import { openPaymentPage } from './payment-page.ts';

interface BuyProps {
  readonly tenantId: string;
  readonly plans: readonly Plan[];
  /** The licenses that a purchase can pay for: trials, and those whose subscription has ended. */
  readonly buyable: readonly License[];
}

export function BuyForm({ tenantId, plans, buyable }: BuyProps) {
  const create = useCreate();
  const [chosen, setChosen] = useState(plans[0]?.plan);
  const [seatsText, setSeats] = useState('');
  const [interval, setInterval] = useState<Interval>();
  const [license, setLicense] = useState<string>();
  // Programs have the key of the license that they used so far.
  const licenseId = license ?? buyable[0]?.license_id ?? '';
  const plan = plans.find((each) => each.plan === chosen) ?? plans[0];
  const seats = Number(seatsText || plan?.seats.least);
  const buy = useAction(async () => {
    if (!plan) return;
    const order = {
      tenant_id: tenantId,
      plan: plan.plan,
      interval: intervalOf(plan, interval),
      seats,
      ...(licenseId !== '' && { license_id: licenseId }),
    };
    const { checkout_url } = await create('checkoutCreate', { body: order });
    await openPaymentPage(checkout_url);
  });
  if (!plan) return <p class="quiet">No plans can be bought here. Contact the vendor.</p>;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void buy.run();
      }}
    >
      <fieldset class="plans">
        <legend>Plan</legend>
        {plans.map((each) => (
          <label key={each.plan} class="plan">
            <input
              type="radio"
              name="plan"
              value={each.plan}
              checked={each.plan === plan.plan}
              onChange={() => setChosen(each.plan)}
            />
            <span class="plan-name">{planName(each.plan)}</span>
            <span class="small">{priceText(each, intervalOf(each, interval))}</span>
            <PlanTerms plan={each} />
          </label>
        ))}
      </fieldset>
      <div class="row-form">
        <label>
          Seats
          <input
            type="number"
            required
            min={plan.seats.least}
            max={plan.seats.most}
            value={seatsText || String(plan.seats.least)}
            onInput={({ currentTarget }) => setSeats(currentTarget.value)}
          />
        </label>
        <label>
          Billed
          <select
            value={intervalOf(plan, interval)}
            onChange={({ currentTarget }) =>
              setInterval(plan.intervals.find((each) => each === currentTarget.value))
            }
          >
            {plan.intervals.map((each) => (
              <option key={each} value={each}>
                {INTERVAL_LABELS[each]}
              </option>
            ))}
          </select>
        </label>
        {buyable.length > 0 && (
          <label class="wide">
            License
            <select
              value={licenseId}
              aria-describedby="key"
              onChange={({ currentTarget }) => setLicense(currentTarget.value)}
            >
              <option value="">A new license</option>
              {buyable.map((license) => (
                <option key={license.license_id} value={license.license_id}>
                  {nameOf(license)} ({license.license_id})
                </option>
              ))}
            </select>
          </label>
        )}
        <Button type="submit" kind="primary" busy={buy.isBusy}>
          Continue to payment
        </Button>
      </div>
      {buyable.length > 0 && (
        <p id="key" class="quiet small">
          {licenseId === '' ? 'A new license gets a new key.' : 'Its key stays valid.'}
        </p>
      )}
      <p>
        <output>{totalText(plan, intervalOf(plan, interval), seats)}</output>
      </p>
      {buy.problem && <Alert problem={buy.problem} />}
    </form>
  );
}

/** The chosen interval, or the plan's first interval if the plan does not offer the chosen one. */
function intervalOf(plan: Plan, wanted: Interval | undefined): Interval {
  const [first = 'month'] = plan.intervals;
  return wanted !== undefined && plan.intervals.includes(wanted) ? wanted : first;
}

function PlanTerms({ plan }: { readonly plan: Plan }) {
  const { seats, offline_grace_days, borrow, features, limits } = plan;
  return (
    <span class="quiet small">
      {seats.least === seats.most
        ? seatsOf(seats.least)
        : `${seats.least.toLocaleString('en')} to ${seats.most.toLocaleString('en')} seats`}
      {offline_grace_days > 0 && `, ${offline_grace_days} days offline`}
      {borrow.max_days > 0 && `, borrowing for ${borrow.max_days} days`}
      {features.length > 0 && `, ${features.join(', ')}`}
      {Object.keys(limits).length > 0 && `, ${limitsText(limits)}`}
    </span>
  );
}
