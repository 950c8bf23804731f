import { useState } from 'preact/hooks';
import type { Plan, Subscription } from '../../../sdk/src/api.ts';
import { useConsole } from '../console.ts';
import { dateOf } from '../time.ts';
import { Alert, Notice } from '../ui/alert.tsx';
import { Button } from '../ui/button.tsx';
import { Confirm } from '../ui/confirm.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { useAction } from '../ui/use-action.ts';
import { ChangeDialog } from './change-dialog.tsx';
import {
  canChange,
  costTexts,
  hasNotEnded,
  isPaymentDue,
  pendingNote,
  reviewNote,
  subscriptionState,
  titleOf,
  unchangeableNote,
} from './labels.ts';
import { Pausing } from './pausing.tsx';
import { PortalButton } from './portal-button.tsx';

interface CardProps {
  readonly subscription: Subscription;
  /** The plans that it can be changed to. */
  readonly plans: readonly Plan[];
  /** Only operators can pause it: that changes what the vendor earns. */
  readonly canPause: boolean;
  onChanged(): void;
}

export function SubscriptionCard({ subscription, plans, canPause, onChanged }: CardProps) {
  const { call } = useConsole();
  const { subscription_id, tenant_id, license_id, cancel_at } = subscription;
  const [isEnding, setEnding] = useState(false);
  const [isChanging, setChanging] = useState(false);
  const undo = useAction(async () => {
    await call('cancelUndo', { body: { license_id } });
    onChanged();
  });
  const { tone, label, explanation } = subscriptionState(subscription);
  const review = reviewNote(subscription);
  const unchangeable = unchangeableNote(subscription);
  const pending = pendingNote(subscription, Date.now());
  const payUrl = subscription.pending_change?.pay_url ?? null;
  return (
    <article class="card" aria-labelledby={subscription_id}>
      <div class="card-head">
        <h3 id={subscription_id}>{titleOf(subscription)}</h3>
        <span class={`badge ${tone}`}>{label}</span>
      </div>
      <p>{explanation}</p>
      {isPaymentDue(subscription) && <PortalButton tenantId={tenant_id} isDue />}
      {pending !== undefined && (
        <Notice tone="warn">
          <p>
            {pending} {payUrl !== null && <a href={payUrl}>Pay for the change</a>}
          </p>
        </Notice>
      )}
      {review !== undefined && <p class="warn">{review}</p>}
      {unchangeable !== undefined && <p class="quiet small">{unchangeable}</p>}
      {costTexts(subscription).map((cost) => (
        <p key={cost} class="small">
          {cost}
        </p>
      ))}
      <p class="quiet small">
        License <code>{license_id}</code>
      </p>
      {undo.problem && <Alert problem={undo.problem} />}
      {hasNotEnded(subscription) && (
        <div class="buttons">
          {canChange(subscription) && <Button onClick={() => setChanging(true)}>Change seats or plan</Button>}
          {cancel_at !== null && (
            <Button kind="primary" busy={undo.isBusy} onClick={undo.run}>
              Keep subscription
            </Button>
          )}
          <Button onClick={() => setEnding(true)}>
            {cancel_at === null ? 'Cancel subscription' : 'End subscription now'}
          </Button>
        </div>
      )}
      {isChanging && (
        <ChangeDialog
          subscription={subscription}
          plans={plans}
          onChanged={onChanged}
          onClose={() => setChanging(false)}
        />
      )}
      {canPause && hasNotEnded(subscription) && <Pausing subscription={subscription} onChanged={onChanged} />}
      {isEnding && cancel_at === null && (
        <EndDialog subscription={subscription} onChanged={onChanged} onClose={() => setEnding(false)} />
      )}
      {isEnding && cancel_at !== null && (
        <Confirm
          title="End this subscription now?"
          verb="End subscription now"
          onClose={() => setEnding(false)}
          act={async () => {
            await call('cancel', { body: { license_id, when: 'now' } });
            onChanged();
          }}
        >
          <p>{NOW}</p>
        </Confirm>
      )}
    </article>
  );
}

const NOW =
  'Programs lose their seats at the next heartbeat. Usage so far is invoiced. You get no refund, and this cannot be undone.';

interface EndProps extends Omit<CardProps, 'plans' | 'canPause'> {
  onClose(): void;
}

function EndDialog({ subscription, onChanged, onClose }: EndProps) {
  const { call } = useConsole();
  const { license_id, current_period_end } = subscription;
  const [when, setWhen] = useState<'period_end' | 'at' | 'now'>('period_end');
  const [day, setDay] = useState('');
  const end = useAction(async () => {
    const cancel_at = when === 'at' ? endOf(day) : undefined;
    await call('cancel', { body: { license_id, when, ...(cancel_at !== undefined && { cancel_at }) } });
    onChanged();
    onClose();
  });
  const choices = [
    {
      value: 'period_end',
      title: `On ${dateOf(new Date(current_period_end))}`,
      hint: 'When all that is paid has run out. Until then you can undo this.',
    },
    { value: 'at', title: 'On another day', hint: 'You get no refund. Until then you can undo this.' },
    { value: 'now', title: 'Now', hint: NOW },
  ] as const;
  return (
    <Dialog title="When should the subscription end?" onClose={onClose}>
      <fieldset class="choices">
        <legend class="sr-only">When</legend>
        {choices.map(({ value, title, hint }) => (
          <label key={value} class="choice">
            <input
              type="radio"
              name="when"
              value={value}
              checked={when === value}
              onChange={() => setWhen(value)}
            />
            <span>{title}</span>
            <span class="quiet small">{hint}</span>
          </label>
        ))}
      </fieldset>
      {when === 'at' && (
        <label>
          Last day
          <input
            type="date"
            value={day}
            required
            onInput={({ currentTarget }) => setDay(currentTarget.value)}
          />
        </label>
      )}
      {end.problem && <Alert problem={end.problem} />}
      <div class="buttons">
        <Button onClick={onClose}>Keep subscription</Button>
        <Button kind="danger" busy={end.isBusy} onClick={end.run}>
          {when === 'now' ? 'End subscription now' : 'End subscription then'}
        </Button>
      </div>
    </Dialog>
  );
}

/** The last second of that day in the viewer's time zone; absent if no day was chosen. */
function endOf(day: string): string | undefined {
  const at = new Date(`${day}T23:59:59`);
  return Number.isNaN(at.getTime()) ? undefined : at.toISOString();
}
