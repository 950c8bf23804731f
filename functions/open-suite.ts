import type { FunctionContract } from '../shared/http/contract.ts';
import { type HttpFunction, type ServeOptions, serve } from '../shared/http/serve.ts';
import type { Deps } from '../shared/ports/deps.ts';
import { HANDLERS } from './index.ts';
import { type FunctionName, MANIFEST } from './manifest.ts';

/** Every function of the manifest, on the dependencies that `open` returns for it. */
export function openSuite(
  open: (contract: FunctionContract) => Promise<Deps>,
  options: ServeOptions = { checkAnswers: false },
): Record<FunctionName, HttpFunction> {
  const entries = MANIFEST.map((contract) => [
    contract.name,
    serve(contract, HANDLERS[contract.name], () => open(contract), options),
  ]);
  return Object.fromEntries(entries);
}
