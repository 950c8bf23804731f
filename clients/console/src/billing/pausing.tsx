import { useState } from 'preact/hooks';
import type { Subscription } from '../../../sdk/src/api.ts';
import { useConsole } from '../console.ts';
import { Alert, Notice } from '../ui/alert.tsx';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { useAction } from '../ui/use-action.ts';

interface PausingProps {
  readonly subscription: Subscription;
  onChanged(): void;
}

const KINDS = [
  {
    value: 'collection',
    title: 'Pause payments',
    hint: 'The license keeps its seats. Stripe goes on making invoices, and leaves them as drafts.',
  },
  {
    value: 'subscription',
    title: 'Pause the subscription',
    hint: 'The license grants no seats. Usage so far is invoiced, and the unused part of the period becomes credit.',
  },
] as const;

/** Pauses a subscription, or ends its pauses. */
export function Pausing({ subscription, onChanged }: PausingProps) {
  const { call } = useConsole();
  const { license_id, status, collection_paused } = subscription;
  const [isPausing, setPausing] = useState(false);
  const [payUrl, setPayUrl] = useState<string | null>(null);
  const resume = useAction(async () => {
    const { pay_url } = await call('cancelResume', { body: { license_id } });
    setPayUrl(pay_url);
    onChanged();
  });
  const isPaused = status === 'paused' || collection_paused;
  return (
    <>
      {resume.problem && <Alert problem={resume.problem} />}
      {payUrl !== null && (
        <Notice tone="warn">
          <p>
            It stays paused until the customer pays <a href={payUrl}>the invoice of the new period</a>.
          </p>
        </Notice>
      )}
      <div class="buttons">
        {isPaused && (
          <Button busy={resume.isBusy} onClick={resume.run}>
            Resume
          </Button>
        )}
        {!isPaused && <Button onClick={() => setPausing(true)}>Pause</Button>}
      </div>
      {isPausing && (
        <PauseDialog subscription={subscription} onChanged={onChanged} onClose={() => setPausing(false)} />
      )}
    </>
  );
}

function PauseDialog({ subscription, onChanged, onClose }: PausingProps & { onClose(): void }) {
  const { call } = useConsole();
  const { license_id } = subscription;
  const [kind, setKind] = useState<(typeof KINDS)[number]['value']>('collection');
  const pause = useAction(async () => {
    await call('cancelPause', { body: { license_id, kind } });
    onChanged();
    onClose();
  });
  return (
    <Dialog title="What should be paused?" onClose={onClose}>
      <fieldset class="choices">
        <legend class="sr-only">What</legend>
        {KINDS.map(({ value, title, hint }) => (
          <label key={value} class="choice">
            <input
              type="radio"
              name="kind"
              value={value}
              checked={kind === value}
              onChange={() => setKind(value)}
            />
            <span>{title}</span>
            <span class="quiet small">{hint}</span>
          </label>
        ))}
      </fieldset>
      {pause.problem && <Alert problem={pause.problem} />}
      <div class="buttons">
        <Button onClick={onClose}>Cancel</Button>
        <Button kind="primary" busy={pause.isBusy} onClick={pause.run}>
          {kind === 'collection' ? 'Pause payments' : 'Pause subscription'}
        </Button>
      </div>
    </Dialog>
  );
}
