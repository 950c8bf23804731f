import type { Resource } from '../graph.ts';
import { grantsOfAgent, missing } from './grants.ts';
import {
  type Check,
  expected,
  functionOf,
  idOf,
  JOB,
  of,
  pushes,
  type Stack,
  SUBSCRIPTION,
  serviceOf,
  TOPIC,
} from './stack.ts';

/** Calls from the cloud: the sweep, and pushes of events. */
export const CALL_CHECKS = {
  'each token has the audience of the function that it is sent to': (stack) =>
    (['scheduler', 'pubsub'] as const).flatMap((service) => {
      const { contract, path } = calledBy(service, stack);
      const [target] =
        service === 'scheduler'
          ? sweepJobs(stack).map(({ inputs }) => ({
              url: inputs.httpTarget.uri,
              token: inputs.httpTarget.oidcToken,
            }))
          : pushes(stack.graph).map(({ inputs }) => ({
              url: inputs.pushConfig.pushEndpoint,
              token: inputs.pushConfig.oidcToken,
            }));
      const deployed = functionOf(contract, stack.graph);
      const { SERVICE_AUDIENCE, SCHEDULER_ACCOUNT, PUSH_ACCOUNT } =
        deployed?.inputs.serviceConfig.environmentVariables ?? {};
      const { projectNumber, region } = stack.settings;
      const url = `https://seatlease-${contract.name}-${projectNumber}.${region}.run.app`;
      return expected(contract.name, [
        ['audience that it requires', SERVICE_AUDIENCE, url],
        ['audience of tokens', target?.token?.audience, url],
        ['URL that is called', target?.url, `${url}${path}`],
        [
          'account of tokens',
          target?.token?.serviceAccountEmail,
          service === 'scheduler' ? SCHEDULER_ACCOUNT : PUSH_ACCOUNT,
        ],
      ]);
    }),

  'the sweep runs every minute': (stack) => {
    const { contract } = calledBy('scheduler', stack);
    const [job, ...others] = sweepJobs(stack);
    return expected('job', [
      ['number of others', others.length, 0],
      ['schedule', job?.inputs.schedule, '* * * * *'],
      ['method', job?.inputs.httpTarget.httpMethod, 'POST'],
      ['deadline', job?.inputs.attemptDeadline, `${contract.timeoutSeconds}s`],
      ['paused', job?.inputs.paused ?? false, false],
    ]);
  },

  'events that cannot be recorded are kept as dead letters': ({ graph }) =>
    pushes(graph).flatMap(({ name, inputs }) => {
      const policy = inputs.deadLetterPolicy;
      const topic = of(graph, TOPIC).find((each) => idOf(each) === policy?.deadLetterTopic);
      if (!topic) return [`${name}: has no topic for dead letters`];
      const subscriptions = of(graph, SUBSCRIPTION).filter((each) => each.inputs.topic === idOf(topic));
      return [
        ...(topic.inputs.name === 'seatlease-events'
          ? [`${name}: dead letters go to the topic that they came from`]
          : []),
        ...(policy.maxDeliveryAttempts === 20 ? [] : [`${name}: has another number of delivery attempts`]),
        ...(subscriptions.some(({ inputs: pull }) => pull.expirationPolicy?.ttl === '' && !pull.pushConfig)
          ? []
          : [`${name}: no subscription keeps dead letters`]),
        ...missing(graph, grantsOfAgent()),
      ];
    }),

  'no event is lost if a subscriber falls behind': ({ graph }) => {
    const topic = of(graph, TOPIC).find(({ inputs }) => inputs.name === 'seatlease-events');
    const [push, ...others] = pushes(graph);
    return [
      ...expected('topic', [['retention', topic?.inputs.messageRetentionDuration, '604800s']]),
      ...expected('push', [
        ['number of others', others.length, 0],
        ['topic', push?.inputs.topic, topic && idOf(topic)],
        ['ordering', push?.inputs.enableMessageOrdering, false],
        ['expiry', push?.inputs.expirationPolicy?.ttl, ''],
        ['retention', push?.inputs.messageRetentionDuration, '604800s'],
        ['shortest pause', push?.inputs.retryPolicy?.minimumBackoff, '10s'],
        ['longest pause', push?.inputs.retryPolicy?.maximumBackoff, '600s'],
      ]),
    ];
  },
} as const satisfies Readonly<Record<string, Check>>;

/** The jobs that call us: all but the one that calls Firestore. */
function sweepJobs({ graph }: Stack): Resource[] {
  return of(graph, JOB).filter(({ inputs }) => inputs.name !== 'seatlease-copy');
}

function calledBy(service: 'scheduler' | 'pubsub', { manifest }: Stack) {
  const contract = manifest.find((each) => serviceOf(each) === service);
  if (!contract) throw new Error(`${service} calls nothing`);
  const [endpoint] = Object.values(contract.endpoints);
  if (!endpoint) throw new Error(`${contract.name} has no endpoint`);
  return { contract, path: endpoint.path };
}
