import { readConfig } from '../shared/config.ts';
import type { AnyHandlers, FunctionContract } from '../shared/http/contract.ts';
import { type HttpFunction, serve } from '../shared/http/serve.ts';
import { openedOnce } from '../shared/lazy.ts';
import { openDeps } from '../shared/wiring.ts';

/** The parts that the environment names. */
const parts = openedOnce(async () => openDeps(readConfig(process.env)));

/** A function as it is deployed, alone in its process: what `npm run bundle` makes each entry file of. */
export function deployed(
  contract: FunctionContract,
  loadHandlers: () => Promise<{ default: AnyHandlers }>,
): HttpFunction {
  return serve(contract, loadHandlers, parts.get, { checkAnswers: false });
}
