import { useState } from 'preact/hooks';
import type { License, Plan } from '../../../sdk/src/api.ts';
import { useConsole } from '../console.ts';
import { planName } from '../licenses.ts';
import { Alert } from '../ui/alert.tsx';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { useAction } from '../ui/use-action.ts';

interface BuyProps {
  readonly tenantId: string;
  readonly plan: Plan;
  /** Pays for that license, such as a trial; a new one where there is none. */
  readonly license?: License | undefined;
  onClose(): void;
}

/** Asks what to buy, and sends the browser to where it is paid. */
export function BuyDialog({ tenantId, plan, license, onClose }: BuyProps) {
  const { call } = useConsole();
  const [seats, setSeats] = useState(Math.max(plan.seats.least, license?.max ?? 1));
  const [interval, setInterval] = useState<Plan['intervals'][number]>(plan.intervals[0] ?? 'month');
  const [keyed, setKeyed] = useState({ for: '', key: '' });
  const buy = useAction(async () => {
    const body = {
      tenant_id: tenantId,
      plan: plan.plan,
      interval,
      seats,
      ...(license && { license_id: license.license_id }),
    };
    // The same purchase tried again is the same purchase; another one is not.
    const wanted = JSON.stringify(body);
    const key = keyed.for === wanted ? keyed.key : crypto.randomUUID();
    setKeyed({ for: wanted, key });
    const { checkout_url } = await call('checkoutCreate', { body, idempotencyKey: key });
    location.assign(checkout_url);
    // The button stays busy until the browser has gone.
    await new Promise<never>(() => {});
  });
  return (
    <Dialog title={`Buy ${planName(plan.plan)}`} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void buy.run();
        }}
      >
        <label>
          Seats
          <input
            type="number"
            required
            min={plan.seats.least}
            max={plan.seats.most}
            step={1}
            value={seats}
            onInput={({ currentTarget }) => setSeats(currentTarget.valueAsNumber)}
          />
        </label>
        <label>
          Paid
          <select
            value={interval}
            onChange={({ currentTarget }) =>
              setInterval(plan.intervals.find((one) => one === currentTarget.value) ?? interval)
            }
          >
            {plan.intervals.map((one) => (
              <option key={one} value={one}>
                {one === 'month' ? 'every month' : 'every year'}
              </option>
            ))}
          </select>
        </label>
        <p class="quiet small">The price is told on the next page, before you pay.</p>
        {buy.problem && <Alert problem={buy.problem} />}
        <div class="buttons">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" kind="primary" busy={buy.isBusy}>
            Go on to pay
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
