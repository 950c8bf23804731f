import { readFileSync } from 'node:fs';
import { SeatleaseError } from '../errors.ts';
import { PUBLIC_KEY_PEMS } from '../offline/keys.ts';
import { type AcquireOptions, optionInvalid, type PublicKeys, type SeatleaseOptions } from '../options.ts';

/** Variables that are defaults of options. An empty one counts as not set. */
export const VARIABLES = {
  url: 'SEATLEASE_URL',
  licenseKey: 'SEATLEASE_LICENSE_KEY',
  fingerprint: 'SEATLEASE_FINGERPRINT',
  publicKeys: 'SEATLEASE_PUBLIC_KEYS',
  wait: 'SEATLEASE_WAIT',
} as const;

export function optionsOf(
  env: NodeJS.ProcessEnv,
): Pick<SeatleaseOptions, 'url' | 'licenseKey' | 'fingerprint'> {
  const { SEATLEASE_URL: url, SEATLEASE_LICENSE_KEY: licenseKey, SEATLEASE_FINGERPRINT: fingerprint } = env;
  return {
    ...(url && { url }),
    ...(licenseKey && { licenseKey }),
    ...(fingerprint && { fingerprint }),
  };
}

/** The default of `wait`. Throws OPTION_INVALID, which names the variable. */
export function waitOf({ SEATLEASE_WAIT: text }: NodeJS.ProcessEnv): AcquireOptions['wait'] {
  if (!text) return undefined;
  if (text === 'true' || text === 'false') return text === 'true';
  const seconds = /^\d{1,9}(\.\d{1,3})?$/.test(text) ? Number(text) : undefined;
  if (seconds !== undefined) return seconds > 0 && { atMostSeconds: seconds };
  throw optionInvalid(VARIABLES.wait, `must be a number of seconds, "true" or "false", not "${text}".`);
}

/**
 * The default of `publicKeys`; `undefined` if the variable is not set. Reads its file, so only where the keys are used. Throws
 * OPTION_INVALID, which names the variable, if the file cannot be used.
 */
export function publicKeysOf({ SEATLEASE_PUBLIC_KEYS: file }: NodeJS.ProcessEnv): PublicKeys | undefined {
  if (!file) return undefined;
  const fault = (reason: string) => optionInvalid(VARIABLES.publicKeys, `names ${file}, which ${reason}.`);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw fault(`cannot be read: ${error instanceof Error ? error.message : error}`);
  }
  const pems = text.match(PUBLIC_KEY_PEMS);
  const keys = pems ?? keySetOf(text);
  if (!keys) throw fault('contains neither PEMs of public keys nor a JSON Web Key Set');
  return keys;
}

function keySetOf(text: string): { readonly keys: readonly object[] } | undefined {
  try {
    const set = JSON.parse(text);
    return Array.isArray(set?.keys) ? set : undefined;
  } catch {
    return undefined;
  }
}

/** An OPTION_INVALID of an option that was not given names the variable that it comes from, or that can be set. */
export function namingVariable(error: unknown, given: object, env: NodeJS.ProcessEnv): unknown {
  if (!(error instanceof SeatleaseError) || error.code !== 'OPTION_INVALID') return error;
  const option = String(error.members.option);
  const variable = new Map<string, string>(Object.entries(VARIABLES)).get(option);
  if (variable === undefined || Reflect.get(given, option) !== undefined) return error;
  const message = env[variable]
    ? error.message.replace(option, variable)
    : `${error.message.replace(/\.$/, '')}, or set ${variable}.`;
  return new SeatleaseError('OPTION_INVALID', message, { members: { option } });
}
