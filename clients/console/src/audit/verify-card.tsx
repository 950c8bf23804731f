import { useEffect, useRef, useState } from 'preact/hooks';
import { useConsole } from '../console.ts';
import { Alert, Notice } from '../ui/alert.tsx';
import { Button } from '../ui/button.tsx';
import { useAction } from '../ui/use-action.ts';
import { type Verdict, verify } from './verify.ts';

const PROBLEMS_SHOWN = 20;

/** Has the log checked, and says in words what that came to. */
export function VerifyCard({ tenantId }: { readonly tenantId: string }) {
  const { call } = useConsole();
  const [verdict, setVerdict] = useState<Verdict>();
  const leaving = useRef(new AbortController());
  useEffect(() => () => leaving.current.abort(), []);
  const check = useAction(async () => {
    setVerdict(undefined);
    const { signal } = leaving.current;
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
      <h2 id="verify">Is the log whole?</h2>
      <p class="quiet">
        Each event is sealed with the one before it, so that one which is changed, removed or put in between
        later shows.
      </p>
      <Button busy={check.isBusy} onClick={check.run}>
        Verify the log
      </Button>
      {check.problem && <Alert problem={check.problem} />}
      <div class="told-verdict" role="status">
        {verdict && !verdict.isWhole && <p>{verdict.sealed.toLocaleString('en')} events checked so far…</p>}
        {verdict?.isWhole && <Result verdict={verdict} />}
      </div>
    </section>
  );
}

function Result({ verdict }: { readonly verdict: Verdict }) {
  const { sealed, unsealed, head, problems } = verdict;
  const waiting =
    unsealed > 0 &&
    ` ${unsealed === 1 ? '1 event is' : `${unsealed} events are`} not sealed yet, so nothing can be said of ${unsealed === 1 ? 'it' : 'them'}.`;
  if (problems.length === 0) {
    return (
      <Notice tone="good">
        <p>
          {sealed === 0
            ? 'There is nothing to check yet.'
            : `The log is whole: ${sealed === 1 ? '1 event' : `${sealed.toLocaleString('en')} events`} checked, none changed, removed or put in.`}
          {waiting}
        </p>
        {head && (
          <p class="small">
            Its end is no. {head.seq}, <code>{head.hash}</code>. Keep that elsewhere: it shows if the whole
            log is ever replaced.
          </p>
        )}
      </Notice>
    );
  }
  return (
    <Notice tone="bad">
      <p>
        The log was tampered with, or is damaged: {problems.length}{' '}
        {problems.length === 1 ? 'place is' : 'places are'} wrong in {sealed.toLocaleString('en')} events.
        {waiting}
      </p>
      <ul>
        {problems.slice(0, PROBLEMS_SHOWN).map(({ kind, seq, detail }) => (
          <li key={`${kind} ${seq} ${detail}`}>
            No. {seq} {KIND_WORDS[kind]}: {detail}
          </li>
        ))}
      </ul>
      {problems.length > PROBLEMS_SHOWN && <p>And {problems.length - PROBLEMS_SHOWN} more.</p>}
    </Notice>
  );
}

const KIND_WORDS = { CHANGED: 'was changed', REMOVED: 'was removed', INSERTED: 'was put in' } as const;
