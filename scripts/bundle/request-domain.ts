import { AsyncLocalStorage } from 'node:async_hooks';
import { inspect } from 'node:util';

/**
 * What the functions-framework uses of Node's `domain` (deprecated), without its price: `domain` has Node call into
 * JavaScript for each promise there is (https://github.com/nodejs/node/issues/50480), which is half of what a request
 * costs that waits for Redis. Node keeps an AsyncLocalStorage by itself. (For functions that are given events, which ours
 * are not, the framework asks more of a domain.)
 *
 * A fault that a request's own code let go, thrown in a timer or listener or rejected with nobody to catch it, is given
 * to the listener of the domain that the request runs in, and ends neither the process nor other requests. Any other
 * fault goes where it goes without domains.
 */

type OnFault = (fault: unknown) => void;

const running = new AsyncLocalStorage<{ onFault: OnFault | undefined }>();

export function create() {
  const domain: { onFault: OnFault | undefined } = { onFault: undefined };
  return {
    on(_event: 'error', onFault: OnFault): void {
      domain.onFault = onFault;
    },
    run(work: () => void): void {
      running.run(domain, work);
    },
  };
}

const { emit } = process;
const emitAnyway = (event: string | symbol, ...args: readonly unknown[]): boolean =>
  Reflect.apply(emit, process, [event, ...args]);

process.setUncaughtExceptionCaptureCallback((fault) => {
  if (!tellDomain(fault) && !emitAnyway('uncaughtException', fault, 'uncaughtException')) endWith(fault);
});

// The framework ends the process at every rejection that nobody caught, so that its listener must not hear of those
// that a domain took.
process.emit = ((event: string | symbol, ...args: readonly unknown[]) =>
  (event === 'unhandledRejection' && tellDomain(args[0])) || emitAnyway(event, ...args)) as typeof emit;

function tellDomain(fault: unknown): boolean {
  const onFault = running.getStore()?.onFault;
  if (!onFault) return false;
  // Whatever goes wrong meanwhile is of no request any more.
  running.exit(() => onFault(fault));
  return true;
}

/** As Node ends a process for a fault that nobody listens for. */
function endWith(fault: unknown): void {
  process.stderr.write(`${inspect(fault)}\n`);
  process.exit(1);
}
