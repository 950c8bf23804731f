import { useEffect, useState } from 'preact/hooks';

/** The console's path on its origin. */
export const BASE = '/console';

let hasNavigated = false;

/** Whether the user has navigated within the console. A new page must then announce itself to assistive technology. */
export function isAfterNavigation(): boolean {
  return hasNavigated;
}

export function navigate(href: string, how: 'push' | 'replace' = 'push'): void {
  const isOtherPage = new URL(href, location.href).pathname !== location.pathname;
  history[how === 'push' ? 'pushState' : 'replaceState'](null, '', href);
  if (isOtherPage && how === 'push') {
    hasNavigated = true;
    scrollTo(0, 0);
  }
  dispatchEvent(new Event('seatlease:navigated'));
}

/** The current address. Renders again when it changes. */
export function useAddress(): URL {
  const [href, setHref] = useState(location.href);
  useEffect(() => {
    const read = (): void => setHref(location.href);
    const onPopState = (): void => {
      hasNavigated = true;
      read();
    };
    addEventListener('seatlease:navigated', read);
    addEventListener('popstate', onPopState);
    return () => {
      removeEventListener('seatlease:navigated', read);
      removeEventListener('popstate', onPopState);
    };
  }, []);
  return new URL(href);
}

/** A value in the query of the address, which reloads and links keep. Empty if absent. */
export function useQueryValue(name: string): [string, (value: string) => void] {
  const address = useAddress();
  const set = (value: string): void => {
    const next = new URL(location.href);
    if (value === '') next.searchParams.delete(name);
    else next.searchParams.set(name, value);
    navigate(`${next.pathname}${next.search}`, 'replace');
  };
  return [address.searchParams.get(name) ?? '', set];
}

/** Handles plain clicks on links within the console without loading the page again. */
export function followLinks(): void {
  document.addEventListener('click', (event) => {
    const isPlain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
    const link = event.target instanceof Element ? event.target.closest('a') : null;
    if (!isPlain || event.defaultPrevented || !link || link.target !== '' || link.hasAttribute('download'))
      return;
    const isInside = link.origin === location.origin && `${link.pathname}/`.startsWith(`${BASE}/`);
    const isOnThisPage = link.hash !== '' && link.pathname === location.pathname;
    if (!isInside || isOnThisPage) return;
    event.preventDefault();
    navigate(link.href);
  });
}
