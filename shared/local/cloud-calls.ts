import type { PushEnvelope } from '../domain/event-message.ts';
import type { ServiceCaller } from '../ports/deps.ts';

/** The calls that Pub/Sub and Cloud Scheduler make to deployed functions, for functions that run on this machine. */
export interface ServiceCalls {
  /** Delivers a message; gives the status of the answer. */
  push(envelope: PushEnvelope): Promise<number>;
  sweep(): Promise<Response>;
}

/** `origin` is where the suite is served; `tokenOf` makes what each caller shows. */
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
