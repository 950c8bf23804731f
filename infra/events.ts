import * as pubsub from '@pulumi/gcp/pubsub/index.js';
import type { CustomResourceOptions } from '@pulumi/pulumi';
import { endpointFor } from '../shared/http/callers.ts';
import type { FunctionContract } from '../shared/http/contract.ts';
import type { Accounts } from './accounts.ts';
import { DEAD_LETTERS, EVENTS_TOPIC, recorderSubscription, urlOf } from './names.ts';
import { after, serviceAgent } from './project.ts';
import type { StackSettings } from './settings.ts';

const DAY_SECONDS = 24 * 3600;

/** How far back a subscriber can seek to receive events again, for example after a bug. */
const EVENTS_KEPT_SECONDS = 7 * DAY_SECONDS;
/** Pub/Sub's maximum: an operator must look at these. */
const DEAD_LETTERS_KEPT_SECONDS = 31 * DAY_SECONDS;

/** With pauses from 10 seconds to 10 minutes, this is two and a half hours: longer than most outages of the records. */
const DELIVERIES = 20;

export function makeTopic({ protect }: StackSettings, options: CustomResourceOptions): pubsub.Topic {
  return new pubsub.Topic(
    EVENTS_TOPIC,
    { name: EVENTS_TOPIC, messageRetentionDuration: `${EVENTS_KEPT_SECONDS}s` },
    { ...options, protect },
  );
}

/** Pushes events to the recorder, in any order. Dead letters are kept. Neither subscription expires. */
export function subscribeRecorder(
  topic: pubsub.Topic,
  manifest: readonly FunctionContract[],
  { services }: Accounts,
  settings: StackSettings,
  options: CustomResourceOptions,
): void {
  const { contract, endpoint } = endpointFor('pubsub', manifest);
  const url = urlOf(contract.name, settings);
  const expirationPolicy = { ttl: '' };
  const deadLetters = new pubsub.Topic(DEAD_LETTERS, { name: DEAD_LETTERS }, options);
  new pubsub.Subscription(
    DEAD_LETTERS,
    {
      name: DEAD_LETTERS,
      topic: deadLetters.id,
      messageRetentionDuration: `${DEAD_LETTERS_KEPT_SECONDS}s`,
      expirationPolicy,
    },
    options,
  );
  const subscription = new pubsub.Subscription(
    contract.name,
    {
      name: recorderSubscription(contract.name),
      topic: topic.id,
      pushConfig: {
        pushEndpoint: `${url}${endpoint.path}`,
        oidcToken: { serviceAccountEmail: services.pubsub.email, audience: url },
      },
      ackDeadlineSeconds: contract.timeoutSeconds * 2,
      // In order, a busy license would drain at one event a round trip. Nothing needs the order.
      enableMessageOrdering: false,
      messageRetentionDuration: `${EVENTS_KEPT_SECONDS}s`,
      retryPolicy: { minimumBackoff: '10s', maximumBackoff: '600s' },
      deadLetterPolicy: { deadLetterTopic: deadLetters.id, maxDeliveryAttempts: DELIVERIES },
      expirationPolicy,
    },
    after(options, deadLetters),
  );

  // Pub/Sub moves dead letters: it publishes them to that topic and acknowledges them here.
  const { member } = serviceAgent('pubsub.googleapis.com', options);
  new pubsub.TopicIAMMember(
    `${DEAD_LETTERS}-publisher`,
    { topic: deadLetters.name, role: 'roles/pubsub.publisher', member },
    options,
  );
  new pubsub.SubscriptionIAMMember(
    `${contract.name}-subscriber`,
    { subscription: subscription.name, role: 'roles/pubsub.subscriber', member },
    options,
  );
}
