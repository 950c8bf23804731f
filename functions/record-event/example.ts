import { system } from '../../shared/domain/actor.ts';
import { eventOf } from '../../shared/domain/event.ts';
import { messageOf } from '../../shared/domain/event-message.ts';
import type { ExamplesOf, World } from '../example.ts';
import type contract from './contract.ts';

export default {
  record: (world) => ({ body: pushOf(world) }),
} satisfies ExamplesOf<typeof contract>;

/** As Pub/Sub pushes an event. */
function pushOf({ tenantId, licenseId }: World) {
  const atMs = Date.now();
  const event = eventOf({
    type: 'seat.denied',
    tenantId,
    licenseId,
    sessionId: null,
    atMs,
    position: `${atMs}-9`,
    actor: system('seats'),
    detail: { count: 1, max: 9 },
  });
  const { data, attributes } = messageOf(event);
  return {
    message: { data: data.toString('base64'), attributes, messageId: 'a-message' },
    subscription: 'projects/p/subscriptions/s',
  };
}
