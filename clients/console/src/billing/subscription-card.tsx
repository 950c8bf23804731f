import { useState } from 'preact/hooks';
import type { Subscription } from '../../../sdk/src/api.ts';
import { useConsole } from '../console.ts';
import { planName, seatsOf } from '../licenses.ts';
import { Alert } from '../ui/alert.tsx';
import { Button } from '../ui/button.tsx';
import { Confirm } from '../ui/confirm.tsx';
import { useAction } from '../ui/use-action.ts';
import { isRunning, standingOf } from './words.ts';

interface CardProps {
  readonly subscription: Subscription;
  onChanged(): void;
}

export function SubscriptionCard({ subscription, onChanged }: CardProps) {
  const { call } = useConsole();
  const [ending, setEnding] = useState<'period_end' | 'now'>();
  const { subscription_id, license_id, plan, seats, cancel_at } = subscription;
  const { tone, words, next } = standingOf(subscription);
  const undo = useAction(async () => {
    await call('cancelUndo', { body: { license_id } });
    onChanged();
  });
  const end = async () => {
    await call('cancel', { body: { license_id, ...(ending && { when: ending }) } });
    onChanged();
  };
  return (
    <article class="card" aria-labelledby={subscription_id}>
      <div class="card-head">
        <h3 id={subscription_id}>
          {plan === null ? '' : `${planName(plan)}, `}
          {seatsOf(seats)}
        </h3>
        <span class={`badge ${tone}`}>{words}</span>
      </div>
      <p>
        {next} <span class="quiet">It pays for</span> <code>{license_id}</code>
      </p>
      {undo.problem && <Alert problem={undo.problem} />}
      {isRunning(subscription) && (
        <div class="buttons">
          {cancel_at === null ? (
            <Button label={`End with its period: ${license_id}`} onClick={() => setEnding('period_end')}>
              End with its period
            </Button>
          ) : (
            <Button label={`Do not end it: ${license_id}`} busy={undo.isBusy} onClick={undo.run}>
              Do not end it
            </Button>
          )}
          <Button label={`End now: ${license_id}`} onClick={() => setEnding('now')}>
            End now
          </Button>
        </div>
      )}
      {ending && (
        <Confirm
          title={ending === 'now' ? 'End it now?' : 'End it with its period?'}
          verb={ending === 'now' ? 'End now' : 'End with its period'}
          act={end}
          onClose={() => setEnding(undefined)}
        >
          <p>
            {ending === 'now'
              ? 'Programs lose their seats with their next heartbeat. Nothing is paid back by that.'
              : 'Seats can be used as long as they are paid for. Until then you can change your mind.'}
          </p>
        </Confirm>
      )}
    </article>
  );
}
