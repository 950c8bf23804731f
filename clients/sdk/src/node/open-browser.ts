import { spawn } from 'node:child_process';
import { platform } from 'node:os';
import { startProcess } from './start-process.ts';

/** A command that opened the browser usually returns sooner. `xdg-open` may run until the browser ends (xdg-open(1)). */
const HANGS_MS = 5_000;

/**
 * Opens `address` in the user's default browser. If the system has no command for that, or it fails (xdg-open exits with 3 if
 * it finds no browser, with 4 if that fails), or does not return, prints the address: the user can still open it. cli/cli#5500
 */
export function openBrowser(address: string, ended: AbortSignal): void {
  let isPrinted = false;
  const print = (): void => {
    if (isPrinted || ended.aborted) return;
    isPrinted = true;
    process.stderr.write(`Open this address in a browser on this machine: ${address}\n`);
  };
  const [command, ...args] = commandFor(address);
  const options = { stdio: 'ignore' as const, detached: true, windowsHide: true };
  const child = startProcess(() => spawn(command, args, options), print);
  const timer = setTimeout(print, HANGS_MS).unref();
  child?.on('exit', (code) => {
    clearTimeout(timer);
    if (code !== 0) print();
  });
  child?.unref();
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
