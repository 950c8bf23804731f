import { useEffect, useRef, useState } from 'preact/hooks';

/** More frequent announcements would interrupt users of screen readers too often. */
const MIN_GAP_MS = 10_000;

/** Announces `text` to screen readers when it changes: at most every `MIN_GAP_MS`, and only the latest text. */
export function Announce({ text }: { readonly text: string }) {
  const [announced, setAnnounced] = useState('');
  const first = useRef(text);
  const announcedAtMs = useRef(0);
  useEffect(() => {
    if (text === first.current && announced === '') return undefined;
    const waitMs = Math.max(0, announcedAtMs.current + MIN_GAP_MS - Date.now());
    const timer = setTimeout(() => {
      announcedAtMs.current = Date.now();
      setAnnounced(text);
    }, waitMs);
    return () => clearTimeout(timer);
  }, [text, announced]);
  return (
    <p class="sr-only" role="status">
      {announced}
    </p>
  );
}
