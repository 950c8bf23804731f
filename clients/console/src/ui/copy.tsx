import { useEffect, useState } from 'preact/hooks';
import { Button } from './button.tsx';

const SHOWN_FOR_MS = 3_000;

/** Copies `text` to the clipboard and confirms it. */
export function CopyButton({ text, what }: { readonly text: string; readonly what: string }) {
  const [outcome, setOutcome] = useState<'copied' | 'refused'>();
  useEffect(() => {
    if (outcome === undefined) return undefined;
    const timer = setTimeout(() => setOutcome(undefined), SHOWN_FOR_MS);
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
        <span role="alert">The browser does not allow copying. Select the text and copy it yourself.</span>
      )}
    </>
  );
}
