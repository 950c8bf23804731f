import { useState } from 'preact/hooks';
import type { AuditCheck } from '../../../sdk/src/api.ts';
import { useConsole } from '../console.ts';
import { Alert, Notice } from '../ui/alert.tsx';
import { Button } from '../ui/button.tsx';
import { useAction } from '../ui/use-action.ts';
import { type Checked, NOTHING_CHECKED, withPart } from './words.ts';

/** Checks the whole log, part by part, and says in words what came of it. */
export function VerifyLog({ tenantId }: { readonly tenantId: string }) {
  const { call } = useConsole();
  const [soFar, setSoFar] = useState<Checked>();
  const [isWhole, setWhole] = useState(false);
  const verify = useAction(async () => {
    let checked = NOTHING_CHECKED;
    setWhole(false);
    setSoFar(checked);
    let cursor: string | null = null;
    do {
      const part: AuditCheck = await call('auditVerify', {
        query: { tenant_id: tenantId, ...(cursor !== null && { cursor }) },
      });
      checked = withPart(checked, part);
      setSoFar(checked);
      cursor = part.next_cursor;
    } while (cursor !== null);
    setWhole(true);
  });
  return (
    <section class="verify" aria-label="Verification">
      <Button busy={verify.isBusy} onClick={verify.run}>
        Verify the log
      </Button>
      <div role="status">
        {verify.isBusy && soFar && <p class="quiet">{soFar.sealed} events checked…</p>}
        {isWhole && soFar && <Result of={soFar} />}
      </div>
      {verify.problem && <Alert problem={verify.problem} />}
    </section>
  );
}

function Result({ of: { sealed, unsealed, head, problems } }: { readonly of: Checked }) {
  const waiting = unsealed === 0 ? '' : ` ${unsealed} of the last minutes are not sealed yet.`;
  if (problems.length === 0) {
    return (
      <Notice tone="good">
        <p>
          The log is whole: none of its {sealed} events was changed, removed or put in later.{waiting}
        </p>
        {head && (
          <p class="quiet small">
            It ends with number {head.seq}, <code>{head.hash}</code>. Keep that elsewhere: who could replace
            all of the log would have to change it.
          </p>
        )}
      </Notice>
    );
  }
  return (
    <Notice tone="bad">
      <p>
        The log was tampered with: {problems.length} {problems.length === 1 ? 'problem' : 'problems'} in{' '}
        {sealed} events.
      </p>
      <ul>
        {problems.map(({ kind, seq, event_id, detail }) => (
          <li key={`${kind} ${seq} ${event_id}`}>
            Number {seq}: {detail} {event_id !== null && <code>{event_id}</code>}
          </li>
        ))}
      </ul>
    </Notice>
  );
}
