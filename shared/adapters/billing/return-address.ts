/** Where Stripe returns buyers to, with what happened: a page must not thank for what was not bought. */
export function returnAddress(returnUrl: string, checkout: 'paid' | 'canceled'): string {
  const address = new URL(returnUrl);
  address.searchParams.set('checkout', checkout);
  return address.href;
}
