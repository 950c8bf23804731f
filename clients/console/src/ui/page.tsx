import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { isAfterNavigation } from '../router.ts';

interface PageProps {
  readonly title: string;
  /** The tenant or role that the page belongs to, for the window's title. */
  readonly of?: string | undefined;
  /** Beside the heading. */
  readonly aside?: ComponentChildren;
  readonly children: ComponentChildren;
}

/** A page with its title and heading. The heading gets the focus after navigation within the console. */
export function Page({ title, of, aside, children }: PageProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (isAfterNavigation()) heading.current?.focus({ preventScroll: true });
  }, []);
  useEffect(() => {
    document.title = [title, of, 'Seatlease'].filter((part) => part !== undefined).join(' · ');
  }, [title, of]);
  return (
    <>
      <div class="page-head">
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {aside}
      </div>
      {children}
    </>
  );
}
