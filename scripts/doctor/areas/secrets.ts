import * as z from 'zod/mini';
import { secretId } from '../../../infra/names.ts';
import type { StackSettings } from '../../../infra/settings.ts';
import { SETTINGS, type SecretName } from '../../../shared/settings.ts';
import type { Area, Stack } from '../check.ts';
import { failed, ok, type Verdict } from '../finding.ts';
import { type AskGoogle, found, read } from '../google.ts';

const Version = z.object({ state: z.string() });
const Access = z.object({ payload: z.object({ data: z.string() }) });

/** The version of each secret that the functions get. Its value is checked only if the operator lets us read it. */
export const SECRETS: Area = {
  name: 'secrets',
  checksOf(stack) {
    const { settings, readable } = stack;
    return secretsIn(settings).map((name) => ({
      name,
      async run({ google }) {
        const answer = await google(urlOf(name, settings), 'roles/secretmanager.viewer');
        const state = judgeState(name, found(Version, answer)?.state, stack);
        const value = readable?.get(name);
        if (state.level !== 'ok' || value === undefined) return [state];
        if (typeof value !== 'string') throw value;
        return [judgeValue(name, value, state, stack)];
      },
    }));
  },
};

export function secretsIn({ secretVersions }: StackSettings): SecretName[] {
  return Object.keys(secretVersions) as SecretName[];
}

/** The value of a secret's version; `undefined` if there is none. Throws `NoAnswer`. */
export async function readSecret(
  name: SecretName,
  settings: StackSettings,
  google: AskGoogle,
): Promise<string | undefined> {
  const answer = await google(`${urlOf(name, settings)}:access`, 'roles/secretmanager.secretAccessor');
  // 400: the version is disabled or destroyed.
  if (answer.status === 404 || answer.status === 400) return undefined;
  return Buffer.from(read(Access, answer).payload.data, 'base64').toString('utf8');
}

function urlOf(name: SecretName, { project, secretVersions }: StackSettings): string {
  const secret = `projects/${project}/secrets/${secretId(name)}`;
  return `https://secretmanager.googleapis.com/v1/${secret}/versions/${secretVersions[name]}`;
}

function judgeState(name: SecretName, state: string | undefined, { settings, name: stack }: Stack): Verdict {
  const { project, secretVersions } = settings;
  const version = secretVersions[name];
  if (state === 'ENABLED') return ok(`Version ${version} is enabled.`);
  if (state === undefined)
    return failed(
      `${secretId(name)} has no version ${version}.`,
      `Run npm run deploy -- --stack ${stack} --secrets, then: gcloud secrets versions add ${secretId(name)} --data-file=FILE --project=${project}`,
    );
  return failed(
    `Version ${version} is ${state}: no function starts with it.`,
    state === 'DISABLED'
      ? `gcloud secrets versions enable ${version} --secret=${secretId(name)} --project=${project}`
      : `Add a version, and set its number in secretVersions.${name}.`,
  );
}

/** The verdict on a value never quotes it. */
function judgeValue(
  name: SecretName,
  value: string,
  state: Verdict,
  { settings: { project } }: Stack,
): Verdict {
  const cure = `gcloud secrets versions add ${secretId(name)} --data-file=FILE --project=${project}, then set the new number in secretVersions.${name}`;
  if (/[\r\n]$/.test(value))
    return failed('The value ends with a line break, which is part of the secret.', cure);
  if (/[\s\p{Cc}]/u.test(value)) return failed('The value contains spaces or control characters.', cure);
  const { error } = z.safeParse(SETTINGS[name].schema, value);
  if (error) return failed(`The value ${error.issues[0]?.message ?? 'is not valid'}.`, cure);
  return ok(`${state.found.slice(0, -1)}, and its value can be used.`);
}
