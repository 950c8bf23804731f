import { useEffect, useState } from 'preact/hooks';
import { Button } from './button.tsx';

const TOLD_FOR_MS = 3_000;

/** Copies `text`, and says so. */
export function CopyButton({ text, what }: { readonly text: string; readonly what: string }) {
  const [outcome, setOutcome] = useState<'copied' | 'refused'>();
  useEffect(() => {
    if (outcome === undefined) return undefined;
    const timer = setTimeout(() => setOutcome(undefined), TOLD_FOR_MS);
    return () => clearTimeout(timer);
  }, [outcome]);
  return (
    <>
      <Button
        onClick={() => {
          navigator.clipboard.writeText(text).then(
            () => setOutcome('copied'),
            () => setOutcome('refused'),
          );
        }}
      >
        {outcome === 'copied' ? 'Copied' : `Copy ${what}`}
      </Button>
      <span class="sr-only" role="status">
        {outcome === 'copied' ? 'Copied' : ''}
      </span>
      {outcome === 'refused' && (
        <span role="alert">The browser did not allow it: select and copy it yourself.</span>
      )}
    </>
  );
}
