import * as z from 'zod/mini';
import { apisOf } from '../../../infra/apis.ts';
import type { Area, Check, Stack } from '../check.ts';
import { failed, ok, unknown, type Verdict } from '../finding.ts';
import { found } from '../google.ts';

const strings = z._default(z.array(z.string()), []);
const Rule = z.object({
  enforce: z.optional(z.boolean()),
  allowAll: z.optional(z.boolean()),
  denyAll: z.optional(z.boolean()),
  values: z.optional(z.object({ allowedValues: strings, deniedValues: strings })),
  /** Of managed constraints. */
  parameters: z.optional(z.object({ allowedMemberSubjects: strings })),
});
const Policy = z.object({ spec: z.optional(z.object({ rules: z._default(z.array(Rule), []) })) });
type Rule = z.output<typeof Rule>;

interface Constraint {
  readonly id: string;
  /** What the policy would stop. */
  readonly stops: string;
  /** For a list constraint: the values that the stack needs. Without it, the constraint is a switch. */
  readonly needs?: readonly string[];
  readonly cure?: string;
}

/**
 * Who may call functions. Both constraints can refuse `allUsers`, which public functions grant. Cloud Run's own way
 * without that grant is to switch its check off, which a third constraint can forbid
 * (https://docs.cloud.google.com/run/docs/authenticating/public).
 */
const PUBLIC = 'Public functions grant roles/run.invoker to allUsers';
const SWITCH_OFF = 'Set publicAccess: invoker-check-off in the settings of the stack';

/**
 * Policies that stop a deploy (https://docs.cloud.google.com/resource-manager/docs/organization-policy/org-policy-constraints).
 * Not listed, because the stack does not need what they forbid: `iam.automaticIamGrantsForDefaultServiceAccounts`,
 * `cloudbuild.disableCreateDefaultServiceAccount` and `cloudbuild.useComputeServiceAccount` (it uses only accounts of its
 * own), `cloudbuild.allowedIntegrations` (no trigger), `iam.disableServiceAccountKeyCreation` (no keys),
 * `storage.uniformBucketLevelAccess` and `storage.publicAccessPrevention` (its buckets have both).
 */
function constraintsOf({ settings }: Stack): Constraint[] {
  const { region, firestoreLocation, publicAccess } = settings;
  const apis = apisOf(settings).map((api) => `${api}.googleapis.com`);
  return [
    ...(publicAccess === 'invoker-check-off'
      ? [{ id: 'run.managed.requireInvokerIam', stops: 'publicAccess: invoker-check-off is forbidden' }]
      : [
          { id: 'iam.allowedPolicyMemberDomains', stops: PUBLIC, needs: ['allUsers'], cure: SWITCH_OFF },
          { id: 'iam.managed.allowedPolicyMembers', stops: PUBLIC, cure: SWITCH_OFF },
        ]),
    { id: 'iam.disableServiceAccountCreation', stops: 'Each function has a service account of its own' },
    {
      id: 'run.allowedIngress',
      stops: 'Public functions need ingress all, the others internal',
      needs: ['all', 'internal'],
    },
    {
      id: 'cloudfunctions.allowedIngressSettings',
      stops: 'Public functions need ALLOW_ALL, the others ALLOW_INTERNAL_ONLY',
      needs: ['ALLOW_ALL', 'ALLOW_INTERNAL_ONLY'],
    },
    { id: 'cloudfunctions.requireVPCConnector', stops: 'The functions have no VPC connector' },
    {
      id: 'cloudfunctions.restrictAllowedGenerations',
      stops: 'The functions are of the second generation',
      needs: ['2ndGen'],
    },
    {
      id: 'cloudbuild.allowedWorkerPools',
      stops: 'Builds use the default pool',
      needs: ['the default pool'],
    },
    {
      id: 'gcp.resourceLocations',
      stops: 'The stack creates resources there',
      needs: [...new Set([region, firestoreLocation])],
    },
    { id: 'gcp.restrictServiceUsage', stops: 'The stack uses these services', needs: apis },
    { id: 'gcp.restrictNonCmekServices', stops: 'The stack uses the encryption keys of Google', needs: apis },
  ];
}

/** The effective policies of the project's organization. */
export const POLICIES: Area = {
  name: 'organization policy',
  checksOf(stack) {
    return constraintsOf(stack).map((constraint) => checkOf(constraint, stack));
  },
};

function checkOf(constraint: Constraint, { settings: { project } }: Stack): Check {
  const { id } = constraint;
  return {
    name: id,
    async run({ google }) {
      const answer = await google(
        `https://orgpolicy.googleapis.com/v2/projects/${project}/policies/${id}:getEffectivePolicy`,
        'roles/orgpolicy.policyViewer',
      );
      return [judgePolicy(constraint, found(Policy, answer)?.spec?.rules ?? [], project)];
    },
  };
}

function judgePolicy(constraint: Constraint, rules: readonly Rule[], project: string): Verdict {
  const { id, stops, needs, cure } = constraint;
  const exception = `${cure === undefined ? 'Let' : `${cure}, or let`} an administrator of organization policies allow it here: gcloud org-policies reset ${id} --project=${project}`;
  if (!needs) {
    const isEnforced = rules.some(
      ({ enforce, parameters }) => enforce && !parameters?.allowedMemberSubjects.includes('allUsers'),
    );
    return isEnforced ? failed(`${stops}, and the policy is enforced.`, exception) : ok('Not enforced.');
  }
  const refused = needs.filter((value) => standingOf(value, rules) === 'refused');
  if (refused.length > 0)
    return failed(`${stops}, and the policy does not allow ${refused.join(', ')}.`, exception);
  const unclear = needs.filter((value) => standingOf(value, rules) === 'unclear');
  return unclear.length === 0
    ? ok('It allows what the stack needs.')
    : unknown(
        `The policy has groups of values: whether they include ${unclear.join(', ')} is not known.`,
        `Look: gcloud org-policies describe ${id} --effective --project=${project}`,
      );
}

/**
 * Whether a list constraint allows a value. Values with a prefix other than `is:` are groups, whose content only Google
 * knows: `in:eu-locations`, `under:organizations/123`. A group with the value's own name includes it.
 */
function standingOf(value: string, rules: readonly Rule[]): 'allowed' | 'refused' | 'unclear' {
  if (rules.some(({ denyAll }) => denyAll)) return 'refused';
  const listed = (field: 'allowedValues' | 'deniedValues') =>
    rules.flatMap(({ values }) => values?.[field] ?? []);
  const [allowed, denied] = [listed('allowedValues'), listed('deniedValues')];
  const names = [value, `is:${value}`, `in:${value}-locations`];
  if (denied.some((each) => names.includes(each))) return 'refused';
  if (denied.some(isGroup)) return 'unclear';
  if (allowed.length === 0 || allowed.some((each) => names.includes(each))) return 'allowed';
  return allowed.some((each) => isGroup(each) && each.startsWith('in:')) ? 'unclear' : 'refused';
}

function isGroup(value: string): boolean {
  return /^(in|under):/.test(value);
}
