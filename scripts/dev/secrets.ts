import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { type Config, type Environment, readConfig } from '../../shared/config.ts';

const Secrets = z.object({
  OPERATOR_KEY: z.string(),
  SESSION_TOKEN_KEYS: z.string(),
  ACCESS_TOKEN_KEYS: z.string(),
  PSEUDONYM_KEY: z.string(),
});

export const DEFAULT_DATA_FOLDER = '.seatlease';

/** The configuration of programs on a developer's machine. Throws `ConfigError`. */
export function readLocalConfig(environment: Environment): Config {
  const secrets = localSecrets(environment.SEATLEASE_DATA || DEFAULT_DATA_FOLDER);
  // The page that stands in for Google has somebody of this domain.
  const operators = environment.GOOGLE_CLIENT_ID ? {} : { OPERATOR_DOMAIN: 'operator.example' };
  return readConfig({ ...operators, USAGE_METERS: 'exports', ...secrets, ...environment });
}

/**
 * Secrets of the local server, made once and kept in the data folder, so that keys and tokens stay good over a restart.
 * For a developer's machine only: deployed, they come from Secret Manager.
 */
export function localSecrets(dataFolder: string): z.infer<typeof Secrets> {
  const file = join(dataFolder, 'secrets.json');
  mkdirSync(dataFolder, { recursive: true });
  try {
    const secrets = {
      OPERATOR_KEY: `sop_${randomBytes(24).toString('hex')}`,
      SESSION_TOKEN_KEYS: randomBytes(32).toString('hex'),
      ACCESS_TOKEN_KEYS: randomBytes(32).toString('hex'),
      PSEUDONYM_KEY: randomBytes(32).toString('hex'),
    };
    // "wx": of two servers that start at once, the second reads what the first wrote.
    writeFileSync(file, `${JSON.stringify(secrets, null, 2)}\n`, { flag: 'wx', mode: 0o600 });
    return secrets;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    return completed(file, JSON.parse(readFileSync(file, 'utf8')));
  }
}

/** A folder from before people could sign in has no key for their tokens. */
function completed(file: string, kept: unknown): z.infer<typeof Secrets> {
  const before = z.parse(z.partial(Secrets), kept);
  const whole = { ACCESS_TOKEN_KEYS: randomBytes(32).toString('hex'), ...before };
  if (before.ACCESS_TOKEN_KEYS === undefined) writeFileSync(file, `${JSON.stringify(whole, null, 2)}\n`);
  return z.parse(Secrets, whole);
}
