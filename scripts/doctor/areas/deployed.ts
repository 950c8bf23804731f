import { readFileSync } from 'node:fs';
import * as z from 'zod/mini';
import { deployedName } from '../../../functions/names.ts';
import {
  accountEmail,
  DEAD_LETTERS,
  keyVersionName,
  PUSH_ACCOUNT,
  RUNTIME,
  recorderSubscription,
  SCHEDULER_ACCOUNT,
  urlOf,
} from '../../../infra/names.ts';
import type { StackSettings } from '../../../infra/settings.ts';
import { callerOf, endpointFor } from '../../../shared/http/callers.ts';
import type { FunctionContract } from '../../../shared/http/contract.ts';
import type { Area, Asking, Check, Stack } from '../check.ts';
import { failed, ok, unknown, type Verdict, warning } from '../finding.ts';
import { type AskGoogle, found, read } from '../google.ts';

const Functions = z.object({
  functions: z._default(
    z.array(
      z.object({
        name: z.string(),
        state: z.string(),
        stateMessages: z._default(z.array(z.object({ message: z.string() })), []),
        buildConfig: z.optional(z.object({ runtime: z.optional(z.string()) })),
        serviceConfig: z.optional(z.object({ ingressSettings: z.optional(z.string()) })),
      }),
    ),
    [],
  ),
});
type Deployed = z.output<typeof Functions>['functions'][number];

const Service = z.object({ invokerIamDisabled: z.optional(z.boolean()) });
const Policy = z.object({
  bindings: z._default(
    z.array(z.object({ role: z.string(), members: z._default(z.array(z.string()), []) })),
    [],
  ),
});
const Job = z.object({
  state: z.string(),
  lastAttemptTime: z.optional(z.string()),
  status: z.optional(z.object({ code: z.optional(z.number()) })),
});
const Subscription = z.object({
  state: z.optional(z.string()),
  detached: z.optional(z.boolean()),
  pushConfig: z.optional(
    z.object({
      pushEndpoint: z.optional(z.string()),
      oidcToken: z.optional(z.object({ serviceAccountEmail: z.string() })),
    }),
  ),
});
const Series = z.object({
  timeSeries: z._default(
    z.array(
      z.object({
        points: z._default(z.array(z.object({ value: z.object({ int64Value: z.string() }) })), []),
      }),
    ),
    [],
  ),
});
const Fields = z.array(z.object({ fieldPath: z.string(), order: z.optional(z.string()) }));
const Indexes = z.object({
  indexes: z._default(
    z.array(z.object({ name: z.string(), queryScope: z.string(), state: z.string(), fields: Fields })),
    [],
  ),
});
const IndexFile = z.object({
  indexes: z.array(z.object({ collectionGroup: z.string(), queryScope: z.string(), fields: Fields })),
});
const KeyVersion = z.object({ state: z.string(), protectionLevel: z.string() });

/** A sweep runs every minute; after this long without an attempt, Scheduler has stopped. */
const LATEST_ATTEMPT_MS = 10 * 60_000;
/** Monitoring shows a count a few minutes late (https://docs.cloud.google.com/monitoring/api/metrics_gcp_p_z#pubsub). */
const COUNTED_WITHIN_MS = 10 * 60_000;
const RUNBOOK = 'infra/README.md';

/** What a deploy has created. Before the first one, there is nothing to check. */
export const DEPLOYED: Area = {
  name: 'deployed',
  checksOf(stack) {
    const { name, settings, manifest, isDeployed, whyUnknown } = stack;
    if (!isDeployed)
      return [
        {
          name: 'functions',
          async run() {
            if (whyUnknown) throw whyUnknown;
            return [ok(`Nothing is deployed yet. Run this again after: npm run deploy -- --stack ${name}`)];
          },
        },
      ];
    return [
      {
        name: 'functions',
        run: async ({ google }) => judgeFunctions(await functionsIn(settings, google), stack),
      },
      ...manifest.map((contract) => callersCheck(contract, settings)),
      { name: 'sweep', run: async (ask) => [await checkJob(ask, stack)] },
      { name: 'events', run: async (ask) => [await checkSubscription(ask, stack)] },
      { name: 'dead letters', run: async (ask) => [await checkDeadLetters(ask, stack)] },
      { name: 'indexes', run: async (ask) => checkIndexes(ask, stack) },
      {
        name: 'signing key',
        async run({ google }) {
          const key = keyVersionName(settings);
          const answer = await google(`https://cloudkms.googleapis.com/v1/${key}`, 'roles/cloudkms.viewer');
          return [judgeKey(found(KeyVersion, answer), stack)];
        },
      },
    ];
  },
};

/** All functions of the project in the stack's region, also those of others. Throws `NoAnswer`. */
export async function functionsIn(
  { project, region }: StackSettings,
  google: AskGoogle,
): Promise<readonly Deployed[]> {
  const answer = await google(
    `https://cloudfunctions.googleapis.com/v2/projects/${project}/locations/${region}/functions?pageSize=1000`,
    'roles/cloudfunctions.viewer',
  );
  return read(Functions, answer).functions;
}

/** Whether `functions` has any of the suite. */
export function hasSuite(functions: readonly Deployed[], manifest: readonly FunctionContract[]): boolean {
  return manifest.some((contract) => deployedAs(contract, functions) !== undefined);
}

function deployedAs({ name }: FunctionContract, functions: readonly Deployed[]): Deployed | undefined {
  return functions.find((each) => each.name.endsWith(`/functions/${deployedName(name)}`));
}

function judgeFunctions(functions: readonly Deployed[], { manifest, name }: Stack): Verdict[] {
  const deploy = `npm run deploy -- --stack ${name}`;
  const problems = manifest.flatMap((contract) => {
    const deployed = deployedAs(contract, functions);
    if (!deployed) return [failed(`${contract.name} is not deployed.`, deploy)];
    const { state, stateMessages, buildConfig, serviceConfig } = deployed;
    const expected = callerOf(contract) === 'anyone' ? 'ALLOW_ALL' : 'ALLOW_INTERNAL_ONLY';
    const { ingressSettings = 'none' } = serviceConfig ?? {};
    return [
      ...(state === 'ACTIVE'
        ? []
        : [failed(`${contract.name} is ${state}. ${stateMessages[0]?.message ?? ''}`.trim(), deploy)]),
      ...(buildConfig?.runtime === RUNTIME
        ? []
        : [
            warning(`${contract.name} runs on ${buildConfig?.runtime ?? 'nothing'}, not ${RUNTIME}.`, deploy),
          ]),
      ...(ingressSettings === expected
        ? []
        : [failed(`${contract.name} has ingress ${ingressSettings}, not ${expected}.`, deploy)]),
    ];
  });
  return problems.length > 0 ? problems : [ok(`All ${manifest.length} functions are active on ${RUNTIME}.`)];
}

/** Who may call a function: anyone, or one account of the cloud. */
function callersCheck(contract: FunctionContract, settings: StackSettings): Check {
  const { project, region } = settings;
  return {
    name: `callers of ${contract.name}`,
    async run({ google }) {
      const service = `https://run.googleapis.com/v2/projects/${project}/locations/${region}/services/${deployedName(contract.name)}`;
      const role = 'roles/run.viewer';
      const state = found(Service, await google(service, role));
      // The check of the functions reports it.
      if (!state) return [];
      const { bindings } = read(Policy, await google(`${service}:getIamPolicy`, role));
      const members = bindings
        .filter((binding) => binding.role === 'roles/run.invoker')
        .flatMap((binding) => binding.members);
      return [judgeCallers(members, state.invokerIamDisabled === true, contract, settings)];
    },
  };
}

function judgeCallers(
  members: readonly string[],
  isCheckOff: boolean,
  contract: FunctionContract,
  settings: StackSettings,
): Verdict {
  const caller = callerOf(contract);
  const isPublic = isCheckOff || members.includes('allUsers') || members.includes('allAuthenticatedUsers');
  const service = deployedName(contract.name);
  const { project, region } = settings;
  const deploy = `Deploy again; if it stays, look at: gcloud run services get-iam-policy ${service} --region=${region} --project=${project}`;
  if (caller === 'anyone')
    return isCheckOff || members.includes('allUsers')
      ? ok('Anyone may call it, as intended.')
      : failed('Cloud Run refuses its callers: neither allUsers may invoke it nor is the check off.', deploy);
  if (isPublic) return failed('Anyone may call it, and only the cloud should.', deploy);
  const account = caller === 'scheduler' ? SCHEDULER_ACCOUNT : PUSH_ACCOUNT;
  return members.includes(`serviceAccount:${accountEmail(account, settings)}`)
    ? ok(`Only ${account} may call it.`)
    : failed(`The account ${account} may not call it.`, deploy);
}

async function checkJob({ google }: Asking, stack: Stack): Promise<Verdict> {
  const { project, region } = stack.settings;
  const { contract } = endpointFor('scheduler', stack.manifest);
  const job = `projects/${project}/locations/${region}/jobs/${deployedName(contract.name)}`;
  const answer = await google(
    `https://cloudscheduler.googleapis.com/v1/${job}`,
    'roles/cloudscheduler.viewer',
  );
  return judgeJob(found(Job, answer), deployedName(contract.name), stack);
}

function judgeJob(
  job: z.output<typeof Job> | undefined,
  id: string,
  { settings, name, now }: Stack,
): Verdict {
  const place = `--location=${settings.region} --project=${settings.project}`;
  if (!job) return failed(`The job ${id} does not exist.`, `npm run deploy -- --stack ${name}`);
  if (job.state !== 'ENABLED')
    return failed(
      `The job ${id} is ${job.state}: events are not published.`,
      `gcloud scheduler jobs resume ${id} ${place}`,
    );
  if (job.lastAttemptTime === undefined)
    return warning(`The job ${id} has not run yet.`, 'Wait two minutes, and run this again.');
  // A google.rpc.Code (https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto).
  const { code = 0 } = job.status ?? {};
  if (code !== 0)
    return failed(
      `The last run of ${id} failed (code ${code}${code === 7 || code === 16 ? ', refused' : ''}).`,
      `See "The sweep has stopped" in ${RUNBOOK}.`,
    );
  return now() - Date.parse(job.lastAttemptTime) > LATEST_ATTEMPT_MS
    ? failed(`The job ${id} last ran at ${job.lastAttemptTime}.`, `gcloud scheduler jobs run ${id} ${place}`)
    : ok(`The job ${id} ran at ${job.lastAttemptTime}, and succeeded.`);
}

async function checkSubscription({ google }: Asking, { settings, manifest, name }: Stack): Promise<Verdict> {
  const { contract, endpoint } = endpointFor('pubsub', manifest);
  const id = recorderSubscription(contract.name);
  const answer = await google(
    `https://pubsub.googleapis.com/v1/projects/${settings.project}/subscriptions/${id}`,
    'roles/pubsub.viewer',
  );
  const subscription = found(Subscription, answer);
  const deploy = `npm run deploy -- --stack ${name}`;
  if (!subscription) return failed(`The subscription ${id} does not exist: no event is recorded.`, deploy);
  const { state, detached, pushConfig } = subscription;
  if (detached || state !== 'ACTIVE')
    return failed(`The subscription ${id} is ${detached ? 'detached' : state}.`, deploy);
  const isRight =
    pushConfig?.pushEndpoint === `${urlOf(contract.name, settings)}${endpoint.path}` &&
    pushConfig.oidcToken?.serviceAccountEmail === accountEmail(PUSH_ACCOUNT, settings);
  return isRight
    ? ok(`The subscription ${id} pushes to ${contract.name}.`)
    : failed(`The subscription ${id} pushes elsewhere, or with another account.`, deploy);
}

async function checkDeadLetters({ google }: Asking, { settings, now }: Stack): Promise<Verdict> {
  const query = new URLSearchParams({
    filter: `metric.type="pubsub.googleapis.com/subscription/num_undelivered_messages" AND resource.labels.subscription_id="${DEAD_LETTERS}"`,
    'interval.startTime': new Date(now() - COUNTED_WITHIN_MS).toISOString(),
    'interval.endTime': new Date(now()).toISOString(),
  });
  const answer = await google(
    `https://monitoring.googleapis.com/v3/projects/${settings.project}/timeSeries?${query}`,
    'roles/monitoring.viewer',
  );
  // The newest point is first.
  const newest = read(Series, answer).timeSeries[0]?.points[0]?.value.int64Value;
  if (newest === undefined)
    return unknown('Cloud Monitoring has no count of dead letters yet.', 'Run this again in ten minutes.');
  return newest === '0'
    ? ok('There are no dead letters.')
    : warning(`There are ${newest} dead letters.`, `See "Dead letters" in ${RUNBOOK}.`);
}

async function checkIndexes({ google }: Asking, { settings, name }: Stack): Promise<Verdict[]> {
  const answer = await google(
    `https://firestore.googleapis.com/v1/projects/${settings.project}/databases/${settings.database}/collectionGroups/-/indexes?pageSize=1000`,
    'roles/datastore.viewer',
  );
  const { indexes: existing } = read(Indexes, answer);
  const file = new URL('../../../infra/firestore.indexes.json', import.meta.url);
  const { indexes: needed } = z.parse(IndexFile, JSON.parse(readFileSync(file, 'utf8')));
  const stateOf = new Map(
    existing.map((index) => [formOf(collectionOf(index.name), index.queryScope, index.fields), index.state]),
  );
  const deploy = `npm run deploy -- --stack ${name}`;
  const problems = needed.flatMap(({ collectionGroup, queryScope, fields }) => {
    const form = formOf(collectionGroup, queryScope, fields);
    const state = stateOf.get(form);
    if (state === 'READY') return [];
    if (state === undefined) return [failed(`The index ${form} does not exist: its queries fail.`, deploy)];
    return state === 'CREATING'
      ? [
          warning(
            `The index ${form} is being built: its queries fail until then.`,
            'Wait, and run this again.',
          ),
        ]
      : [
          failed(
            `The index ${form} is ${state}.`,
            'Delete it in the console of Firestore, and deploy again.',
          ),
        ];
  });
  return problems.length > 0 ? problems : [ok(`All ${needed.length} indexes are ready.`)];
}

/** `projects/P/databases/D/collectionGroups/C/indexes/I` */
function collectionOf(indexName: string): string {
  return indexName.split('/').at(-3) ?? '';
}

/** One text for an index. Firestore adds `__name__` at the end of each. */
function formOf(collection: string, scope: string, fields: z.output<typeof Fields>): string {
  const paths = fields.filter(({ fieldPath }) => fieldPath !== '__name__');
  return `${collection} (${paths.map(({ fieldPath, order }) => `${fieldPath} ${order}`).join(', ')}; ${scope})`;
}

function judgeKey(version: z.output<typeof KeyVersion> | undefined, { settings, name }: Stack): Verdict {
  const { signingKey, region, project } = settings;
  const number = signingKey.version;
  if (!version)
    return failed(
      `The signing key has no version ${number}: no license can be signed.`,
      `Set signingKey.version to a version that exists, or: npm run deploy -- --stack ${name}`,
    );
  const { state, protectionLevel } = version;
  if (state !== 'ENABLED')
    return failed(
      `Version ${number} of the signing key is ${state}: no license can be signed.`,
      state === 'DISABLED'
        ? `gcloud kms keys versions enable ${number} --key=licenses --keyring=seatlease --location=${region} --project=${project}`
        : `See "The signing key" in ${RUNBOOK}.`,
    );
  return protectionLevel === signingKey.protectionLevel
    ? ok(`Version ${number} of the signing key is enabled.`)
    : failed(
        `The signing key is ${protectionLevel}, and the settings say ${signingKey.protectionLevel}.`,
        `Set signingKey.protectionLevel: ${protectionLevel}: it cannot be changed.`,
      );
}
