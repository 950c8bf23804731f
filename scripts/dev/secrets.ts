import { createPrivateKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { type Config, type Environment, readConfig } from '../../shared/config.ts';
import { publicTextOf } from '../../shared/domain/rsa-key.ts';
import { makePrivateFolder } from '../../shared/local/private-files.ts';
import { GENERATED_NAMES, type GeneratedName, SETTINGS, type SettingsTable } from '../../shared/settings.ts';

type Secrets = Record<GeneratedName, string>;

export const DEFAULT_DATA_FOLDER: SettingsTable['SEATLEASE_DATA']['default'] = '.seatlease';

/** The configuration of programs on a developer's machine. Throws `ConfigError`. */
export function readLocalConfig(environment: Environment): Config {
  const secrets = localSecrets(environment.SEATLEASE_DATA || DEFAULT_DATA_FOLDER);
  // A user of the local sign-in page has this domain.
  const operators = environment.SIGN_IN_CLIENT_ID ? {} : { OPERATOR_DOMAIN: 'operator.example' };
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
    if (GENERATED_NAMES.some((name) => !(name in kept))) writeFileSync(file, textOf(secrets));
    return secrets;
  }
}

/** The existing secrets, and a new one for each that is missing. */
function completed(kept: Readonly<Record<string, string>>): Secrets {
  const privateKey = kept.ACCESS_TOKEN_PRIVATE_KEY ?? newPrivateKey();
  const known: Readonly<Record<string, string>> = {
    ACCESS_TOKEN_PRIVATE_KEY: privateKey,
    ACCESS_TOKEN_PUBLIC_KEYS: publicTextOf(createPrivateKey(privateKey)),
    ...kept,
  };
  const random = (name: GeneratedName): string =>
    (SETTINGS[name].prefix ?? '') + randomBytes(32).toString('hex');
  return Object.fromEntries(GENERATED_NAMES.map((name) => [name, known[name] ?? random(name)])) as Secrets;
}

function newPrivateKey(): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function textOf(secrets: Secrets): string {
  return `${JSON.stringify(secrets, null, 2)}\n`;
}
