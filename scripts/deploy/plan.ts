import * as z from 'zod/mini';

/** Run with npx and not a dependency: the package is 312 MB, and only a deploy needs it. */
const FIREBASE_TOOLS = 'firebase-tools@15.34.2';

/** The targets of the first deploy: functions do not start until their secrets have values. */
const SECRETS_AND_THEIR_API = ['**gcp:projects/service:Service::**', '**gcp:secretmanager/secret:Secret::**'];

export interface DeployOptions {
  readonly stack: string;
  /** Creates only the secrets, which must have values before the first deploy. */
  readonly secretsOnly: boolean;
  /** Names in the cloud of the functions that everyone may call. */
  readonly publicFunctions: readonly string[];
}

export interface Step {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  /** Variables that the command gets beside those of this process. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface DeployPlan {
  /** Steps that change nothing in the cloud: they build on this machine and show the plan. */
  readonly before: readonly Step[];
  /** Steps that change the cloud. A step with nothing to change does nothing. */
  readonly after: readonly Step[];
}

/** The steps, in order, for the cloud project that the stack's settings name. */
export function planOf(
  { stack, secretsOnly, publicFunctions }: DeployOptions,
  { project, region, publicAccess }: StackPlace,
): DeployPlan {
  const pulumi = (...args: string[]): Step['command'] => [
    'pulumi',
    ...args,
    '--cwd=infra',
    `--stack=${stack}`,
  ];
  const npm = (script: string): Step => ({ name: script, command: ['npm', 'run', script] });
  const targets = secretsOnly ? SECRETS_AND_THEIR_API.map((target) => `--target=${target}`) : [];
  return {
    before: [
      { name: 'packages of infra/', command: ['npm', 'ci', '--prefix=infra'] },
      npm('bundle'),
      npm('site'),
      ...(secretsOnly
        ? []
        : [{ name: 'the order', command: ['node', 'infra/order.ts', `--stack=${stack}`] as const }]),
      { name: 'the plan', command: pulumi('preview', '--diff', ...targets) },
    ],
    after: [
      { name: 'the cloud', command: pulumi('up', '--yes', '--skip-preview', ...targets) },
      ...(secretsOnly || publicAccess !== 'invoker-check-off'
        ? []
        : publicFunctions.map((name) => switchOffInvokerCheck(name, { project, region }))),
      // Last: it routes users to functions, which must exist.
      ...(secretsOnly
        ? []
        : [
            {
              name: 'the public address',
              command: [
                'npx',
                '--yes',
                FIREBASE_TOOLS,
                'deploy',
                '--only=hosting',
                `--project=${project}`,
                `--config=${HOSTING_CONFIG}`,
                '--non-interactive',
              ] as const,
              // Without it, firebase-tools names no project, and Firebase's APIs refuse the credentials of a user
              // (https://github.com/firebase/firebase-tools/issues/6801).
              environment: { GOOGLE_CLOUD_QUOTA_PROJECT: project },
            },
          ]),
    ],
  };
}

/**
 * Google's way to a public function where an organization policy refuses `allUsers`
 * (https://docs.cloud.google.com/run/docs/authenticating/public). The Functions API has no field for it, and a deploy of
 * the function may switch the check on again (https://github.com/hashicorp/terraform-provider-google/issues/23360), so
 * this follows every deploy. It changes nothing if the check is off.
 */
function switchOffInvokerCheck(
  service: string,
  { project, region }: Pick<StackPlace, 'project' | 'region'>,
): Step {
  return {
    name: `public access to ${service}`,
    command: [
      'gcloud',
      'run',
      'services',
      'update',
      service,
      '--no-invoker-iam-check',
      `--region=${region}`,
      `--project=${project}`,
      '--quiet',
    ],
  };
}

/** At the root: firebase-tools resolves its paths from the file's folder. */
export const HOSTING_CONFIG = 'firebase.deploy.json';

const PublicAccess = z._default(z.enum(['allUsers', 'invoker-check-off']), 'allUsers');

/** The part of `infra/settings.ts` that a deploy needs. That file is not read here: its packages may not be installed. */
const StackFile = z.object({
  config: z.object({
    'gcp:project': z.string(),
    'gcp:region': z.string(),
    'seatlease:settings': z.object({ publicAccess: PublicAccess }),
  }),
});

export interface StackPlace {
  readonly project: string;
  readonly region: string;
  readonly publicAccess: z.infer<typeof PublicAccess>;
}

/** What a deploy needs to know of a stack's settings. Throws if the project or region is missing. */
export function placeOf(settings: unknown): StackPlace {
  const { config } = z.parse(StackFile, settings);
  const { publicAccess } = config['seatlease:settings'];
  return { project: config['gcp:project'], region: config['gcp:region'], publicAccess };
}
