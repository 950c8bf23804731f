import type { Deps } from '../ports/deps.ts';
import type { Caller, Refusal } from './contract.ts';
import type { IncomingRequest } from './request.ts';

/** The event in the body, after its signature over the raw bytes was verified (docs.stripe.com/webhooks). */
export async function openSignedEvent(
  request: IncomingRequest,
  { billingEvents, clock }: Deps,
): Promise<Caller | Refusal<'SIGNATURE_INVALID' | 'BILLING_NOT_SET_UP'>> {
  if (!billingEvents) return { problem: 'BILLING_NOT_SET_UP' };
  const signature = request.headers['stripe-signature'];
  if (typeof signature !== 'string' || !request.rawBody)
    return { problem: 'SIGNATURE_INVALID', because: 'no signature or no body' };
  const opened = await billingEvents.open(request.rawBody, signature, clock.nowMs());
  return opened.verdict === 'EVENT'
    ? { kind: 'stripe', event: opened.event }
    : { problem: 'SIGNATURE_INVALID', because: opened.because };
}
