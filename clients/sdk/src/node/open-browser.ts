import { spawn } from 'node:child_process';
import { platform } from 'node:os';

/** Opens `address` in the user's default browser. Throws if the system has no command for that. */
export async function openBrowser(address: string): Promise<void> {
  const [command, ...args] = commandFor(address);
  const child = spawn(command, args, { stdio: 'ignore', detached: true, windowsHide: true });
  await new Promise<void>((started, failed) => child.once('spawn', started).once('error', failed));
  child.unref();
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
