import type { ComponentChildren } from 'preact';

interface ButtonProps {
  readonly kind?: 'primary' | 'danger' | 'plain';
  readonly type?: 'button' | 'submit';
  /** What it does is under way: it stays in place and can be focused, and does nothing. */
  readonly busy?: boolean;
  /** Read out in place of the text, where the text alone does not say of what. Must begin with the text. */
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
        // Disabled for real it would lose the focus.
        if (busy) event.preventDefault();
        else onClick?.();
      }}
    >
      {children}
    </button>
  );
}
