import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { type Config, type Environment, readConfig } from '../../shared/config.ts';
import { makePrivateFolder } from '../../shared/local/private-files.ts';
import { OWN_SECRETS, type OwnSecretName, SETTINGS, type SettingsTable } from '../../shared/settings.ts';

type Secrets = Record<OwnSecretName, string>;

export const DEFAULT_DATA_FOLDER: SettingsTable['SEATLEASE_DATA']['default'] = '.seatlease';

/** The configuration of programs on a developer's machine. Throws `ConfigError`. */
export function readLocalConfig(environment: Environment): Config {
  const secrets = localSecrets(environment.SEATLEASE_DATA || DEFAULT_DATA_FOLDER);
  // A user of the local sign-in page has this domain.
  const operators = environment.GOOGLE_CLIENT_ID ? {} : { OPERATOR_DOMAIN: 'operator.example' };
  return readConfig({ ...operators, USAGE_METERS: 'exports', ...secrets, ...environment });
}

/**
 * Secrets of the local server, created once and kept in the data folder, so that keys and tokens stay valid after a
 * restart. For a developer's machine only: deployed functions get them from Secret Manager.
 */
export function localSecrets(dataFolder: string): Secrets {
  const file = join(dataFolder, 'secrets.json');
  makePrivateFolder(dataFolder);
  try {
    const secrets = completed({});
    // "wx": if two servers start at once, the second reads the file of the first.
    writeFileSync(file, textOf(secrets), { flag: 'wx', mode: 0o600 });
    return secrets;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    const kept = z.parse(z.record(z.string(), z.string()), JSON.parse(readFileSync(file, 'utf8')));
    const secrets = completed(kept);
    // A data folder of an older version has fewer secrets.
    if (OWN_SECRETS.some((name) => !(name in kept))) writeFileSync(file, textOf(secrets));
    return secrets;
  }
}

/** The existing secrets, and a new one for each that is missing. */
function completed(kept: Readonly<Record<string, string>>): Secrets {
  const random = (name: OwnSecretName): string =>
    (SETTINGS[name].prefix ?? '') + randomBytes(32).toString('hex');
  return Object.fromEntries(OWN_SECRETS.map((name) => [name, kept[name] ?? random(name)])) as Secrets;
}

function textOf(secrets: Secrets): string {
  return `${JSON.stringify(secrets, null, 2)}\n`;
}
