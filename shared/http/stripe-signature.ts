import type { IncomingMessage } from 'node:http';
import type { Deps } from '../ports/deps.ts';
import { readBody } from './body.ts';
import type { Caller, EndpointContract, Refusal } from './contract.ts';
import { limitOf, tooLarge } from './request.ts';

type Refused = Refusal<'SIGNATURE_INVALID' | 'BILLING_NOT_SET_UP' | 'PAYLOAD_TOO_LARGE'>;

/**
 * The delivery in the body, after its signature over the raw bytes was verified (docs.stripe.com/webhooks). Without a
 * signature, the body is not read. What is signed is never refused, also if it cannot be read.
 */
export async function openSignedEvent(
  request: IncomingMessage,
  endpoint: EndpointContract,
  { billingEvents, clock }: Deps,
): Promise<Caller | Refused> {
  if (!billingEvents) return { problem: 'BILLING_NOT_SET_UP' };
  const signature = request.headers['stripe-signature'];
  if (typeof signature !== 'string') return { problem: 'SIGNATURE_INVALID', because: 'no signature' };
  const body = await readBody(request, limitOf(endpoint));
  if (body === 'TOO_LARGE') return tooLarge(endpoint);
  if (body === 'CUT' || body.length === 0) return { problem: 'SIGNATURE_INVALID', because: 'no whole body' };
  const opened = await billingEvents.open(body, signature, clock.nowMs());
  return opened.verdict === 'REFUSED'
    ? { problem: 'SIGNATURE_INVALID', because: opened.because }
    : { kind: 'stripe', delivery: opened };
}
