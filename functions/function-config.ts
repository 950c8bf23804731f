import { type Config, ConfigError, type Environment, readConfig } from '../shared/config.ts';
import { isInternal } from '../shared/http/callers.ts';
import type { FunctionContract } from '../shared/http/contract.ts';
import { dependenciesOf } from '../shared/http/dependencies.ts';

/**
 * Reads the configuration of one function. Throws `ConfigError`, also where a function that anyone can call would trust
 * a check that Cloud Run only makes for guarded ones: a caller can write Cloud Run's marker into a token of their own.
 */
export function readFunctionConfig(contract: FunctionContract, environment: Environment): Config {
  const config = readConfig(environment, dependenciesOf(contract));
  if (config.services.tokens === 'checked-by-cloud-run' && !isInternal(contract))
    throw new ConfigError(['SERVICE_TOKENS: must be signed, because anyone can call this function']);
  return config;
}
