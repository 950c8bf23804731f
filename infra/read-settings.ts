import * as z from 'zod/mini';
import { readFunctionConfig } from '../functions/function-config.ts';
import type { FunctionContract } from '../shared/http/contract.ts';
import { environmentOf, fromMemorystore, samplesFor, secretsOf } from './environment.ts';
import { quotaProblems } from './instances.ts';
import { Settings, type StackSettings } from './settings.ts';

/** The stack cannot be deployed. The message names every problem. */
export class StackError extends Error {
  override readonly name = 'StackError';

  constructor(problems: readonly string[]) {
    super(`The stack's settings are not valid:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
  }
}

/**
 * Parses a stack's configuration. Throws `StackError`, also if a function of `manifest` would lack a secret or would not
 * start with its environment.
 */
export function readSettings(configured: unknown, manifest: readonly FunctionContract[]): StackSettings {
  const result = z.safeParse(Settings, configured);
  if (!result.success)
    throw new StackError(result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`));
  const settings = result.data;

  const secretsIn = (stack: StackSettings): Set<string> =>
    new Set(manifest.flatMap((contract) => secretsOf(contract, stack)));
  const needed = secretsIn(settings);
  // The hash of the operator key can stay while the key is switched off, so that one line switches it on again.
  const allowed = secretsIn({ ...settings, operatorKey: true });
  const given = Object.keys(settings.secretVersions);
  const databases = [settings.database, ...settings.otherDatabases];
  const problems = [
    ...new Set(
      databases
        .filter((name, i) => databases.indexOf(name) !== i)
        .map((name) => `otherDatabases: ${name} is named twice`),
    ),
    ...[...needed]
      .filter((name) => !given.includes(name))
      .map((name) => `secretVersions.${name}: is not set`),
    ...given
      .filter((name) => !allowed.has(name))
      .map((name) => `secretVersions.${name}: no function of this stack needs it`),
    ...quotaProblems(manifest, settings),
    ...new Set(manifest.flatMap((contract) => refusals(contract, settings))),
  ];
  if (problems.length > 0) throw new StackError(problems);
  return settings;
}

/** The reasons why the function would not start in this stack. */
function refusals(contract: FunctionContract, settings: StackSettings): string[] {
  const environment = {
    ...environmentOf(contract, settings),
    ...samplesFor([...secretsOf(contract, settings), ...fromMemorystore(contract, settings)]),
  };
  try {
    readFunctionConfig(contract, { K_SERVICE: contract.name, ...environment });
    return [];
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const [, ...problems] = error.message.split('\n  - ');
    return problems.map((problem) => `environment.${problem}`);
  }
}
