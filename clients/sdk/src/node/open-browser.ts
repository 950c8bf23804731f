import { spawn } from 'node:child_process';
import { platform } from 'node:os';

/** Shows `address` in whatever browser the person uses. Throws where there is nothing to open one with. */
export async function openBrowser(address: string): Promise<void> {
  const [command, ...args] = commandFor(address);
  const child = spawn(command, args, { stdio: 'ignore', detached: true, windowsHide: true });
  await new Promise<void>((started, failed) => child.once('spawn', started).once('error', failed));
  child.unref();
}

/** None is a shell, to which an address would be more than an address. */
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
