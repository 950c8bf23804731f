import { BASE } from '../router.ts';

const STORED_AS = 'seatlease.paying';

/** The provider returns to one address for all tenants, the first page of the console. */
export function rememberPage(storage: Storage, page: string): void {
  storage.setItem(STORED_AS, page);
}

/** Opens a page of the payment provider. The button stays busy until the browser leaves the page. */
export function openPaymentPage(address: string): Promise<never> {
  rememberPage(sessionStorage, location.pathname);
  location.assign(address);
  return new Promise<never>(() => {});
}

/** The page that opened a payment page, if `address` is where the provider returns to. */
export function pageBeforePayment(storage: Storage, { pathname, search }: URL): string | undefined {
  const page = storage.getItem(STORED_AS);
  if (page === null || `${pathname}/`.replace('//', '/') !== `${BASE}/`) return undefined;
  storage.removeItem(STORED_AS);
  return `${page}${search}`;
}
