import { readConfig } from '../shared/config.ts';
import { openDeps } from '../shared/deps.ts';
import type { AnyHandlers, FunctionContract } from '../shared/http/contract.ts';
import { type HttpFunction, serve } from '../shared/http/serve.ts';
import type { Deps } from '../shared/ports/deps.ts';

let opened: Promise<Deps> | undefined;

/** Opens the parts that the environment names, with the first request; where that fails, the next one tries again. */
function openFromEnvironment(): Promise<Deps> {
  if (opened) return opened;
  const opening = openDeps(readConfig(process.env));
  opening.catch(() => {
    opened = undefined;
  });
  opened = opening;
  return opening;
}

/** A function as it is deployed, alone in its process: what `npm run bundle` makes each entry file of. */
export function deployed(
  contract: FunctionContract,
  loadHandlers: () => Promise<{ default: AnyHandlers }>,
): HttpFunction {
  return serve(contract, loadHandlers, openFromEnvironment, { checkAnswers: false });
}
