import { missing } from './refused.ts';
import type { State } from './state.ts';
import type { SendOptions, SentEvent } from './types.ts';

/** Delays before an event that was not accepted is resent. Stripe waits minutes to hours. */
const RETRIES_AFTER_MS = [50, 200, 1_000];
const ANSWER_WITHIN_MS = 10_000;

/** Sends events one after the other, with Stripe's signature. */
export function openSender(state: State, now: () => number) {
  let target: string | undefined;
  let queued: Promise<void> = Promise.resolve();

  async function post(event: SentEvent, url: string, options: SendOptions): Promise<number> {
    const { Stripe } = await import('stripe');
    const signature = Stripe.webhooks.generateTestHeaderString({
      payload: event.body,
      secret: options.secret ?? state.webhookSecret,
      timestamp: options.signedAt ?? now(),
    });
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json; charset=utf-8', 'stripe-signature': signature },
      body: event.body,
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    });
    await response.body?.cancel();
    return response.status;
  }

  async function sendUntilAccepted(event: SentEvent): Promise<void> {
    for (const pauseMs of [0, ...RETRIES_AFTER_MS]) {
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
      if (target === undefined) return;
      const status = await post(event, target, {}).catch(() => 0);
      if (status >= 200 && status < 300) return;
    }
  }

  return {
    sendTo(url: string | undefined): void {
      target = url;
    },
    queue(event: SentEvent): void {
      if (target === undefined) return;
      queued = queued.then(() => sendUntilAccepted(event));
    },
    async send(eventId: string, options: SendOptions = {}): Promise<number> {
      const event = state.events.find(({ id }) => id === eventId);
      const url = options.url ?? target;
      if (!event || url === undefined) throw missing('event', eventId);
      return post(event, url, options);
    },
    async idle(): Promise<void> {
      // An event can cause an API call that queues more events.
      let waitedFor: Promise<void>;
      do {
        waitedFor = queued;
        await waitedFor;
      } while (waitedFor !== queued);
    },
  };
}
