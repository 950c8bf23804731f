import type { ComponentChildren } from 'preact';

interface ButtonProps {
  readonly kind?: 'primary' | 'danger' | 'plain';
  readonly type?: 'button' | 'submit';
  /** While the action runs, the button keeps its place and the focus, but does nothing. */
  readonly busy?: boolean;
  /** For screen readers, if the text alone does not name the object. Must begin with the text. */
  readonly label?: string;
  readonly small?: boolean;
  onClick?(): void;
  readonly children: ComponentChildren;
}

export function Button({
  kind = 'plain',
  type = 'button',
  busy,
  label,
  small,
  onClick,
  children,
}: ButtonProps) {
  return (
    <button
      type={type}
      class={`button ${kind}${small ? ' small' : ''}`}
      aria-disabled={busy ? 'true' : undefined}
      aria-label={label}
      onClick={(event) => {
        // With the `disabled` attribute, the button would lose the focus.
        if (busy) event.preventDefault();
        else onClick?.();
      }}
    >
      {children}
    </button>
  );
}
