import type { PushEnvelope } from '../domain/event-message.ts';
import type { ServiceCaller } from '../ports/deps.ts';

/** Makes the calls that Pub/Sub and Cloud Scheduler make to deployed functions, for functions on this machine. */
export interface ServiceCalls {
  /** Delivers a message and returns the HTTP status of the answer. */
  push(envelope: PushEnvelope): Promise<number>;
  sweep(): Promise<Response>;
}

/** `origin` is the address of the suite; `tokenOf` issues the token of each caller. */
export function serviceCalls(origin: string, tokenOf: (caller: ServiceCaller) => string): ServiceCalls {
  const post = (path: string, caller: ServiceCaller, body?: unknown): Promise<Response> =>
    fetch(`${origin}${path}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${tokenOf(caller)}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  return {
    async push(envelope) {
      const answer = await post('/internal/events', 'pubsub', envelope);
      await answer.body?.cancel();
      return answer.status;
    },
    sweep: () => post('/internal/sweep', 'scheduler'),
  };
}
