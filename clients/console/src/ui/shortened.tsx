import { useState } from 'preact/hooks';

const WHOLE_UP_TO = 22;
const HEAD = 12;
const TAIL = 6;

interface ShortenedProps {
  readonly text: string;
  /** What the text is, for screen readers. */
  readonly label: string;
}

/** A long text, such as an id, that shows only its ends until it is clicked. */
export function Shortened({ text, label }: ShortenedProps) {
  const [isWhole, setWhole] = useState(false);
  if (text.length <= WHOLE_UP_TO) return <code>{text}</code>;
  return (
    <button
      type="button"
      class="shortened"
      aria-expanded={isWhole}
      title={isWhole ? undefined : text}
      onClick={() => setWhole(!isWhole)}
    >
      <span class="sr-only">{label} </span>
      <code>{isWhole ? text : `${text.slice(0, HEAD)}…${text.slice(-TAIL)}`}</code>
    </button>
  );
}
