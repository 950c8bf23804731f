import { useEffect, useRef, useState } from 'preact/hooks';
import { useConsole } from '../console.ts';
import { Alert, Notice } from '../ui/alert.tsx';
import { Button } from '../ui/button.tsx';
import { useAction } from '../ui/use-action.ts';
import { type Verdict, verify } from './verify.ts';

const PROBLEMS_SHOWN = 20;

/** Verifies the audit log and shows the result. */
export function VerifyCard({ tenantId }: { readonly tenantId: string }) {
  const { call } = useConsole();
  const [verdict, setVerdict] = useState<Verdict>();
  const unmount = useRef(new AbortController());
  useEffect(() => () => unmount.current.abort(), []);
  const check = useAction(async () => {
    setVerdict(undefined);
    const { signal } = unmount.current;
    await verify(
      (cursor) =>
        call('auditVerify', {
          query: { tenant_id: tenantId, ...(cursor !== undefined && { cursor }) },
          signal,
        }),
      setVerdict,
      signal,
    );
  });
  return (
    <section class="card part" aria-labelledby="verify">
      <h2 id="verify">Verify the audit log</h2>
      <p class="quiet">
        Each event is linked to the previous event by a hash. Verifying the log detects events that were
        changed, removed or inserted later.
      </p>
      <Button busy={check.isBusy} onClick={check.run}>
        Verify log
      </Button>
      {check.problem && <Alert problem={check.problem} />}
      <div class="verdict" role="status">
        {verdict && !verdict.isComplete && (
          <p>{verdict.sealed.toLocaleString('en')} events verified so far…</p>
        )}
        {verdict?.isComplete && <Result verdict={verdict} />}
      </div>
    </section>
  );
}

function Result({ verdict }: { readonly verdict: Verdict }) {
  const { sealed, unsealed, head, problems } = verdict;
  const unsealedText =
    unsealed > 0 &&
    ` ${unsealed === 1 ? '1 event is' : `${unsealed} events are`} not sealed yet and cannot be verified yet.`;
  if (problems.length === 0) {
    return (
      <Notice tone="good">
        <p>
          {sealed === 0
            ? 'The log has no sealed events yet.'
            : `The log is intact: ${sealed === 1 ? '1 event' : `${sealed.toLocaleString('en')} events`} verified, none changed, removed or inserted.`}
          {unsealedText}
        </p>
        {head && (
          <p class="small">
            The last event is no. {head.seq} with the hash <code>{head.hash}</code>. Save both elsewhere to
            detect later if the whole log was replaced.
          </p>
        )}
      </Notice>
    );
  }
  return (
    <Notice tone="bad">
      <p>
        The log was tampered with or is damaged: {problems.length}{' '}
        {problems.length === 1 ? 'problem' : 'problems'} in {sealed.toLocaleString('en')} events.
        {unsealedText}
      </p>
      <ul>
        {problems.slice(0, PROBLEMS_SHOWN).map(({ kind, seq, detail }) => (
          <li key={`${kind} ${seq} ${detail}`}>
            Event no. {seq} {KIND_TEXTS[kind]}: {detail}
          </li>
        ))}
      </ul>
      {problems.length > PROBLEMS_SHOWN && <p>And {problems.length - PROBLEMS_SHOWN} more.</p>}
    </Notice>
  );
}

const KIND_TEXTS = { CHANGED: 'was changed', REMOVED: 'was removed', INSERTED: 'was inserted' } as const;
