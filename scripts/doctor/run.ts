import { GoogleAuth } from 'google-auth-library';
import * as z from 'zod/mini';
import { CommandError } from '../../clients/command-line/errors.ts';
import { about, flag } from '../../clients/command-line/options.ts';
import {
  defineProgram,
  EXIT,
  type ExitCode,
  type Output,
  runProgram,
} from '../../clients/command-line/program.ts';
import { MANIFEST } from '../../functions/manifest.ts';
import { readSettings, StackError } from '../../infra/read-settings.ts';
import { configuredIn } from '../../infra/stack-file.ts';
import type { Environment } from '../../shared/config.ts';
import type { SecretName } from '../../shared/settings.ts';
import { STACK } from '../stack-option.ts';
import { type Answers, httpAnswers, NoAnswer } from './answers.ts';
import { DEPLOYED, functionsIn, hasSuite } from './areas/deployed.ts';
import { DOMAIN } from './areas/domain.ts';
import { POLICIES } from './areas/policies.ts';
import { PROJECT } from './areas/project.ts';
import { QUOTAS } from './areas/quotas.ts';
import { REDIS } from './areas/redis.ts';
import { readSecret, SECRETS, secretsIn } from './areas/secrets.ts';
import { SIGN_IN } from './areas/sign-in.ts';
import { STRIPE } from './areas/stripe.ts';
import { type Area, type GivenName, type Runner, runArea, type SecretValue, type Stack } from './check.ts';
import { type Finding, LEVELS, unknown } from './finding.ts';
import { type AskGoogle, googleAsker } from './google.ts';

export const AREAS: readonly Area[] = [
  PROJECT,
  POLICIES,
  QUOTAS,
  SECRETS,
  DOMAIN,
  REDIS,
  STRIPE,
  SIGN_IN,
  DEPLOYED,
];

const DEADLINE_MS = 20_000;
const LEVEL_WIDTH = Math.max(...LEVELS.map((level) => level.length));

/** What the program uses of the outside. Tests pass their own. */
export interface DoctorParts {
  readonly answers: Answers;
  /** The operator's access token for Google. Throws `CommandError` if there is none. */
  accessToken(): Promise<string>;
  now(): number;
}

export function partsOf(): DoctorParts {
  return {
    answers: httpAnswers(),
    async accessToken() {
      try {
        const auth = new GoogleAuth({ scopes: 'https://www.googleapis.com/auth/cloud-platform' });
        const token = await auth.getAccessToken();
        if (token) return token;
      } catch {
        // The library's message does not say which command to use.
      }
      throw new CommandError('You have no Google credentials. Run: gcloud auth application-default login');
    },
    now: () => Date.now(),
  };
}

/** Runs the program with `args`. Returns the exit code of the process. */
export function runDoctor(
  args: readonly string[],
  environment: Environment,
  output?: Output,
  parts: DoctorParts = partsOf(),
): Promise<ExitCode> {
  const program = defineProgram('npm run doctor --', {
    summary: `Checks, with your own Google credentials, what the stack needs: before its first deploy and after each. It changes nothing,
except a key in Redis that expires after a second. Each finding has its cure. Exits with 0 if there is no error, 1 if there is one, 2 if
it could not run. It also reads these variables, instead of the secrets in the project: UPSTASH_REDIS_REST_URL,
UPSTASH_REDIS_REST_TOKEN, STRIPE_SECRET_KEY; and, for the settings of the database, UPSTASH_EMAIL and UPSTASH_API_KEY.`,
    json: true,
    options: z.object({
      stack: STACK,
      readSecrets: about('also reads the values of the secrets, and uses them', flag()),
    }),
    async run({ stack: name, readSecrets }) {
      const findings = await examine(name, readSecrets, environment, parts);
      const count = (level: string) => findings.filter((each) => each.level === level).length;
      return {
        exit: count('error') > 0 ? EXIT.problem : EXIT.ok,
        text: format(
          findings,
          LEVELS.toReversed().map((level) => `${count(level)} ${level}`),
        ),
        json: { stack: name, findings },
      };
    },
  });
  return runProgram({ ...program, expected: [StackError] }, args, output);
}

async function examine(
  name: string,
  readSecrets: boolean,
  environment: Environment,
  { answers, accessToken, now }: DoctorParts,
): Promise<Finding[]> {
  const settings = readSettings(configuredIn(name), MANIFEST);
  const runner: Runner = { answers, accessToken: await accessToken(), deadlineMs: DEADLINE_MS };
  const google = googleAsker(
    answers,
    runner.accessToken,
    settings.project,
    AbortSignal.timeout(runner.deadlineMs),
  );
  const readable = readSecrets
    ? await readAll(secretsIn(settings), (each) => readSecret(each, settings, google))
    : undefined;
  const stack: Stack = {
    name,
    settings,
    manifest: MANIFEST,
    ...(await deploymentOf(settings, google)),
    readable,
    given(each: GivenName) {
      const read = readable?.get(each as SecretName);
      // A line break at the end is reported by the check of the secret.
      return environment[each] || (typeof read === 'string' ? read.trim() : undefined);
    },
    now,
  };
  const findings = (await Promise.all(AREAS.map((area) => runArea(area, stack, runner)))).flat();
  const values = [...(readable?.values() ?? [])].filter((value) => typeof value === 'string');
  const secrets = [runner.accessToken, ...values.map((value) => value.trim()), ...secretsOf(environment)];
  return findings.map((finding) => withoutSecrets(finding, secrets));
}

async function readAll(
  names: readonly SecretName[],
  readOne: (name: SecretName) => Promise<string | undefined>,
): Promise<Map<SecretName, SecretValue>> {
  const values = new Map<SecretName, SecretValue>();
  await Promise.all(
    names.map(async (name) => {
      try {
        const value = await readOne(name);
        if (value !== undefined) values.set(name, value);
      } catch (error) {
        values.set(name, asNoAnswer(error));
      }
    }),
  );
  return values;
}

async function deploymentOf(
  settings: Stack['settings'],
  google: AskGoogle,
): Promise<Pick<Stack, 'isDeployed' | 'whyUnknown'>> {
  try {
    return { isDeployed: hasSuite(await functionsIn(settings, google), MANIFEST) };
  } catch (error) {
    const whyUnknown = asNoAnswer(error);
    // Without the API there is no function.
    return whyUnknown.reason === 'SERVICE_DISABLED'
      ? { isDeployed: false }
      : { isDeployed: false, whyUnknown };
  }
}

/** Throws any other error than those of a question without an answer. */
function asNoAnswer(error: unknown): NoAnswer {
  if (error instanceof NoAnswer) return error;
  if (error instanceof DOMException)
    return new NoAnswer(unknown('There was no answer in time.', 'Run this again.'));
  throw error;
}

/** The text of settings that are secret. A verdict has none; this holds even if a provider's answer repeats one. */
function secretsOf(environment: Environment): string[] {
  const names: GivenName[] = ['UPSTASH_REDIS_REST_TOKEN', 'STRIPE_SECRET_KEY', 'UPSTASH_API_KEY'];
  return names.flatMap((name) => environment[name] ?? []);
}

function withoutSecrets({ found, cure, ...finding }: Finding, secrets: readonly string[]): Finding {
  const hide = (text: string) =>
    secrets.reduce(
      (hidden, secret) => (secret === '' ? hidden : hidden.replaceAll(secret, '[secret]')),
      text,
    );
  return { ...finding, found: hide(found), ...(cure === undefined ? {} : { cure: hide(cure) }) };
}

function format(findings: readonly Finding[], counts: readonly string[]): string {
  const byArea = [...Map.groupBy(findings, ({ area }) => area)];
  const blocks = byArea.map(([area, ofArea]) => {
    const lines = ofArea.flatMap(({ level, check, found, cure }) => [
      `  ${(level === 'ok' ? level : level.toUpperCase()).padEnd(LEVEL_WIDTH)}  ${check}: ${found}`,
      ...(cure === undefined ? [] : [`  ${''.padEnd(LEVEL_WIDTH)}  -> ${cure}`]),
    ]);
    return [area, ...lines].join('\n');
  });
  return [...blocks, `${counts.join(', ')}.`].join('\n\n');
}
