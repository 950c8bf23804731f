import { readConfig } from '../shared/config.ts';
import type { AnyHandlers, FunctionContract } from '../shared/http/contract.ts';
import { type HttpFunction, serve } from '../shared/http/serve.ts';
import { lazy } from '../shared/lazy.ts';
import { assembleDeps } from '../shared/wiring.ts';

/** The dependencies that the environment configures. */
const deps = lazy(async () => assembleDeps(readConfig(process.env)));

/** A function as it is deployed, alone in its process. The entry files of `npm run bundle` call it. */
export function deployed(
  contract: FunctionContract,
  loadHandlers: () => Promise<{ default: AnyHandlers }>,
): HttpFunction {
  return serve(contract, loadHandlers, deps, { checkAnswers: false });
}
