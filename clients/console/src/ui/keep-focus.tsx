import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';

/**
 * Around what comes and goes by itself. Where something in it goes that has the focus, the next key would begin at the top
 * of the page: so the focus stays here.
 */
export function KeepFocus({ children }: { readonly children: ComponentChildren }) {
  const place = useRef<HTMLDivElement>(null);
  const focused = useRef<Element>(null);
  // Before the browser takes the next key.
  useLayoutEffect(() => {
    if (focused.current?.isConnected !== false) return;
    focused.current = null;
    if (document.activeElement === document.body) place.current?.focus({ preventScroll: true });
  });
  return (
    <div
      ref={place}
      class="keeps-focus"
      tabIndex={-1}
      onFocusIn={({ target }) => {
        focused.current = target instanceof Element && target !== place.current ? target : null;
      }}
    >
      {children}
    </div>
  );
}
