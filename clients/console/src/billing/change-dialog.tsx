import { useState } from 'preact/hooks';
import type { ChangePreview, Plan, Subscription } from '../../../sdk/src/api.ts';
import { useConsole } from '../console.ts';
import { planName } from '../licenses.ts';
import { Problem } from '../problem.ts';
import { dateAndTime } from '../time.ts';
import { Alert, Notice } from '../ui/alert.tsx';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { NumberField } from '../ui/number-field.tsx';
import { useAction } from '../ui/use-action.ts';
import { useCreate } from '../use-create.ts';
import { previewTexts } from './change.ts';
import { INTERVAL_LABELS, type Interval } from './labels.ts';

interface ChangeProps {
  readonly subscription: Subscription;
  readonly plans: readonly Plan[];
  onChanged(): void;
  onClose(): void;
}

/** Changes seats, plan and billing interval, after it has shown what that costs. */
export function ChangeDialog({ subscription, plans, onChanged, onClose }: ChangeProps) {
  const { call } = useConsole();
  const create = useCreate();
  const params = { license_id: subscription.license_id };
  const [seats, setSeats] = useState(subscription.seats);
  const [planChosen, setPlan] = useState(subscription.plan);
  const [interval, setInterval] = useState<Interval>();
  const [preview, setPreview] = useState<ChangePreview>();
  const plan = plans.find((each) => each.plan === planChosen);
  const wanted = {
    seats,
    ...(planChosen !== null && planChosen !== subscription.plan && { plan: planChosen }),
    ...(interval !== undefined && { interval }),
  };
  const ask = useAction(async () => {
    setPreview(await call('subscriptionsPreview', { params, body: wanted }));
  });
  const change = useAction(async () => {
    if (!preview) return;
    const { proration_date } = preview;
    const body = { ...wanted, proration_date, expected_seats: subscription.seats };
    await create('subscriptionsChange', { params, body }).catch((error: unknown) => {
      // Someone else changed the seats, or the change waits for its payment.
      if (isCode(error, 'SUBSCRIPTION_CHANGED', 'PAYMENT_REQUIRED')) onChanged();
      // What was previewed is outdated.
      if (isCode(error, 'SUBSCRIPTION_CHANGED', 'VALIDATION_FAILED')) setPreview(undefined);
      throw error;
    });
    onChanged();
    onClose();
  });
  /** What was previewed is not what would be changed. */
  const edited =
    <T,>(set: (value: T) => void) =>
    (value: T) => {
      set(value);
      setPreview(undefined);
    };
  const { pay_url: payUrl, pay_until: payUntil } = (preview && change.problem?.document) ?? {};
  const problem = ask.problem ?? change.problem;
  return (
    <Dialog title="Change seats or plan" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void (preview ? change : ask).run();
        }}
      >
        <NumberField
          label="Seats"
          min={plan?.seats.least ?? 1}
          max={plan?.seats.most}
          value={seats}
          onChange={edited(setSeats)}
        />
        <label>
          Plan
          <select
            value={planChosen ?? ''}
            onChange={({ currentTarget }) =>
              edited(setPlan)(plans.find((each) => each.plan === currentTarget.value)?.plan ?? null)
            }
          >
            {subscription.plan !== null && !plans.some((each) => each.plan === subscription.plan) && (
              <option value={subscription.plan}>{planName(subscription.plan)}</option>
            )}
            {plans.map((each) => (
              <option key={each.plan} value={each.plan}>
                {planName(each.plan)}
              </option>
            ))}
          </select>
        </label>
        <label>
          Billed
          <select
            value={interval ?? ''}
            onChange={({ currentTarget }) =>
              edited(setInterval)(plan?.intervals.find((each) => each === currentTarget.value))
            }
          >
            <option value="">As now</option>
            {plan?.intervals.map((each) => (
              <option key={each} value={each}>
                {INTERVAL_LABELS[each]}
              </option>
            ))}
          </select>
        </label>
        {seats < subscription.seats && (
          <Notice tone="warn">
            <p>
              If more seats are in use, those taken last end, and their programs stop. Borrowed seats stay.
            </p>
          </Notice>
        )}
        {preview && (
          <div role="status">
            {previewTexts(preview).map((text) => (
              <p key={text}>{text}</p>
            ))}
          </div>
        )}
        {problem && <Alert problem={problem} />}
        {typeof payUrl === 'string' && (
          <p>
            <a href={payUrl}>Pay the invoice</a>
            {typeof payUntil === 'string' && ` by ${dateAndTime(new Date(payUntil))}`} to make the change.
            Until then, you also find it with the subscription.
          </p>
        )}
        <div class="buttons">
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" kind="primary" busy={ask.isBusy || change.isBusy}>
            {preview ? 'Confirm change' : 'Show what it costs'}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function isCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Problem && codes.includes(error.code);
}
