import { useEffect, useRef, useState } from 'preact/hooks';

/** Whoever listens to a page has something else to do. */
const LEAST_GAP_MS = 10_000;

/** Reads `text` out when it has changed since the page came up: politely, and only its latest where it changes fast. */
export function Announce({ text }: { readonly text: string }) {
  const [told, setTold] = useState('');
  const first = useRef(text);
  const toldAtMs = useRef(0);
  useEffect(() => {
    if (text === first.current && told === '') return undefined;
    const waitMs = Math.max(0, toldAtMs.current + LEAST_GAP_MS - Date.now());
    const timer = setTimeout(() => {
      toldAtMs.current = Date.now();
      setTold(text);
    }, waitMs);
    return () => clearTimeout(timer);
  }, [text, told]);
  return (
    <p class="sr-only" role="status">
      {told}
    </p>
  );
}
