import { spawn } from 'node:child_process';
import { platform } from 'node:os';
import { startProcess } from './start-process.ts';

/** A command that opened the browser usually returns sooner. `xdg-open` may run until the browser ends (xdg-open(1)). */
const HANGS_MS = 5_000;

export const NO_BROWSER = 'no browser';

/**
 * Opens `address` in the user's default browser. Returns `NO_BROWSER` if the system has no command for that, or it fails
 * (xdg-open exits with 3 if it finds no browser, with 4 if that fails): cli/cli#5500. If the command does not return, prints
 * the address, which the user can still open.
 */
export function openBrowser(address: string, ended: AbortSignal): Promise<typeof NO_BROWSER | undefined> {
  let resolve: (outcome: typeof NO_BROWSER | undefined) => void = () => {};
  const opened = new Promise<typeof NO_BROWSER | undefined>((settle) => {
    resolve = settle;
  });
  const print = (): void => {
    if (!ended.aborted) process.stderr.write(`Open this address in a browser on this machine: ${address}\n`);
  };
  const [command, ...args] = commandFor(address);
  const options = { stdio: 'ignore' as const, detached: true, windowsHide: true };
  const child = startProcess(
    () => spawn(command, args, options),
    () => resolve(NO_BROWSER),
  );
  const timer = setTimeout(print, HANGS_MS).unref();
  ended.addEventListener('abort', () => clearTimeout(timer), { once: true });
  child?.on('exit', (code) => {
    clearTimeout(timer);
    resolve(code === 0 ? undefined : NO_BROWSER);
  });
  child?.unref();
  return opened;
}

/** No shell: it would interpret characters of the address. */
function commandFor(address: string): readonly [string, ...string[]] {
  switch (platform()) {
    case 'darwin':
      return ['open', address];
    case 'win32':
      return ['rundll32', 'url.dll,FileProtocolHandler', address];
    default:
      return ['xdg-open', address];
  }
}
