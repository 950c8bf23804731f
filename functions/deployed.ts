import type { AnyHandlers, FunctionContract } from '../shared/http/contract.ts';
import { dependenciesOf } from '../shared/http/dependencies.ts';
import { type HttpFunction, serve } from '../shared/http/serve.ts';
import { guardAllServers } from '../shared/http/server-guard.ts';
import { lazy } from '../shared/lazy.ts';
import { assembleDeps, DEPLOYED } from '../shared/wiring.ts';
import { readFunctionConfig } from './function-config.ts';

/** A function as it is deployed, alone in its process. The entry files of `npm run bundle` call it. */
export function deployed(
  contract: FunctionContract,
  loadHandlers: () => Promise<{ default: AnyHandlers }>,
): HttpFunction {
  guardAllServers();
  const deps = lazy(async () =>
    assembleDeps(readFunctionConfig(contract, process.env), DEPLOYED, dependenciesOf(contract)),
  );
  return serve(contract, loadHandlers, deps, { checkAnswers: false });
}
