import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';

/**
 * Wraps content that changes by itself. When the focused element in it is removed, the wrapper takes the focus. Otherwise
 * the next Tab key would start at the top of the page.
 */
export function KeepFocus({ children }: { readonly children: ComponentChildren }) {
  const wrapper = useRef<HTMLDivElement>(null);
  const focused = useRef<Element>(null);
  // A layout effect runs before the browser handles the next key.
  useLayoutEffect(() => {
    if (focused.current?.isConnected !== false) return;
    focused.current = null;
    if (document.activeElement === document.body) wrapper.current?.focus({ preventScroll: true });
  });
  return (
    <div
      ref={wrapper}
      class="keeps-focus"
      tabIndex={-1}
      onFocusIn={({ target }) => {
        focused.current = target instanceof Element && target !== wrapper.current ? target : null;
      }}
    >
      {children}
    </div>
  );
}
