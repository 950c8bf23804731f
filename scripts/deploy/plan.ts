import * as z from 'zod/mini';

/** Hosting is deployed by npx, as the program is 312 MB, which nobody should pay for who does not deploy. */
const FIREBASE_TOOLS = 'firebase-tools@15.34.2';

/** What is targeted before anything else: functions do not start without the values of their secrets. */
const SECRETS_AND_THEIR_API = ['**gcp:projects/service:Service::**', '**gcp:secretmanager/secret:Secret::**'];

export interface DeployOptions {
  readonly stack: string;
  /** Makes the places for secrets alone, which the first deploy needs filled. */
  readonly secretsOnly: boolean;
}

export interface Step {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
}

export interface DeployPlan {
  /** Change nothing in the cloud: what they make is on this machine, and what they show is the plan. */
  readonly before: readonly Step[];
  /** Change the cloud. Each does nothing where nothing is to be done. */
  readonly after: readonly Step[];
}

/** The order of operations, in the cloud project that the stack's settings name. */
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
      { name: "infra's packages", command: ['npm', 'ci', '--prefix=infra'] },
      npm('bundle'),
      npm('site'),
      { name: 'the plan', command: pulumi('preview', '--diff', ...targets) },
    ],
    after: [
      { name: 'the cloud', command: pulumi('up', '--yes', '--skip-preview', ...targets) },
      // Last, as it sends people to functions that must be there.
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

/** Beside the site that it names, at the root: Hosting's program reads paths from where it is. */
export const HOSTING_CONFIG = 'firebase.deploy.json';

const StackFile = z.object({ config: z.object({ 'gcp:project': z.string(), 'gcp:region': z.string() }) });

export interface StackPlace {
  readonly project: string;
  readonly region: string;
}

/** Where a stack's settings, parsed, say that it is. Throws where they do not. */
export function placeOf(settings: unknown): StackPlace {
  const { config } = z.parse(StackFile, settings);
  return { project: config['gcp:project'], region: config['gcp:region'] };
}
