import { AsyncLocalStorage } from 'node:async_hooks';
import { inspect } from 'node:util';

/**
 * Replaces Node's `domain` (deprecated) with the part that the functions-framework uses for HTTP functions, at a lower
 * cost. `domain` makes Node call JavaScript for every promise (https://github.com/nodejs/node/issues/50480): half of the
 * cost of a request that waits for Redis. AsyncLocalStorage has native support. (For event functions, which ours are
 * not, the framework uses more of `domain`.)
 *
 * An uncaught error of a request's code, thrown in a timer or listener or rejected without a catch, goes to the listener
 * of that request's domain, and ends neither the process nor other requests. Any other error is handled as without
 * domains.
 */

type OnError = (error: unknown) => void;

const running = new AsyncLocalStorage<{ onError: OnError | undefined }>();

export function create() {
  const domain: { onError: OnError | undefined } = { onError: undefined };
  return {
    on(_event: 'error', onError: OnError): void {
      domain.onError = onError;
    },
    run(work: () => void): void {
      running.run(domain, work);
    },
  };
}

const { emit } = process;
const originalEmit = (event: string | symbol, ...args: readonly unknown[]): boolean =>
  Reflect.apply(emit, process, [event, ...args]);

process.setUncaughtExceptionCaptureCallback((error) => {
  if (!handleInDomain(error) && !originalEmit('uncaughtException', error, 'uncaughtException'))
    endWith(error);
});

// The framework ends the process at every unhandled rejection, so its listener must not get those that a domain
// handled.
process.emit = ((event: string | symbol, ...args: readonly unknown[]) =>
  (event === 'unhandledRejection' && handleInDomain(args[0])) || originalEmit(event, ...args)) as typeof emit;

function handleInDomain(error: unknown): boolean {
  const onError = running.getStore()?.onError;
  if (!onError) return false;
  // Errors in the listener belong to no request.
  running.exit(() => onError(error));
  return true;
}

/** Ends the process as Node does for an uncaught error. */
function endWith(error: unknown): void {
  process.stderr.write(`${inspect(error)}\n`);
  process.exit(1);
}
