import * as z from 'zod/mini';

/** Run with npx and not a dependency: the package is 312 MB, and only a deploy needs it. */
const FIREBASE_TOOLS = 'firebase-tools@15.34.2';

/** The targets of the first deploy: functions do not start until their secrets have values. */
const SECRETS_AND_THEIR_API = ['**gcp:projects/service:Service::**', '**gcp:secretmanager/secret:Secret::**'];

export interface DeployOptions {
  readonly stack: string;
  /** Creates only the secrets, which must have values before the first deploy. */
  readonly secretsOnly: boolean;
}

export interface Step {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
}

export interface DeployPlan {
  /** Steps that change nothing in the cloud: they build on this machine and show the plan. */
  readonly before: readonly Step[];
  /** Steps that change the cloud. A step with nothing to change does nothing. */
  readonly after: readonly Step[];
}

/** The steps, in order, for the cloud project that the stack's settings name. */
export function planOf({ stack, secretsOnly }: DeployOptions, { project }: StackPlace): DeployPlan {
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
      { name: 'the plan', command: pulumi('preview', '--diff', ...targets) },
    ],
    after: [
      { name: 'the cloud', command: pulumi('up', '--yes', '--skip-preview', ...targets) },
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
            },
          ]),
    ],
  };
}

/** At the root: firebase-tools resolves its paths from the file's folder. */
export const HOSTING_CONFIG = 'firebase.deploy.json';

const StackFile = z.object({ config: z.object({ 'gcp:project': z.string(), 'gcp:region': z.string() }) });

export interface StackPlace {
  readonly project: string;
  readonly region: string;
}

/** The project and region in a stack's settings. Throws if they are missing. */
export function placeOf(settings: unknown): StackPlace {
  const { config } = z.parse(StackFile, settings);
  return { project: config['gcp:project'], region: config['gcp:region'] };
}
