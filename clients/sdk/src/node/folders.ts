import { mkdir } from 'node:fs/promises';
import { homedir, platform } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * SEATLEASE_STATE_FOLDER, or the system's folder for application state of one user. `undefined` if the user has no home, as
 * in a container that runs under any user id.
 */
export function stateFolder(
  env: Environment = process.env,
  system = platform(),
  home = homeFolder(),
): string | undefined {
  const { SEATLEASE_STATE_FOLDER: given, LOCALAPPDATA: local, XDG_STATE_HOME: state } = env;
  if (given) return resolve(given);
  const inHome = (...names: string[]) => (home === '' ? undefined : join(home, ...names));
  switch (system) {
    case 'darwin':
      return inHome('Library', 'Application Support', 'seatlease');
    case 'win32':
      return local ? join(local, 'seatlease') : inHome('AppData', 'Local', 'seatlease');
    default:
      // Relative paths are ignored, as the XDG Base Directory Specification says.
      if (state && isAbsolute(state)) return join(state, 'seatlease');
      return inHome('.local', 'state', 'seatlease');
  }
}

/** Empty if there is none: `homedir` throws if HOME is not set and the user has no passwd entry (libuv/libuv#810). */
function homeFolder(): string {
  try {
    const home = homedir();
    return isAbsolute(home) ? home : '';
  } catch {
    return '';
  }
}

/** Makes a folder for the user only. Not `recursive: true`, which never ends where a folder refuses entries with ENOENT (/proc). */
export async function makeFolder(folder: string, isParentMade = false): Promise<void> {
  try {
    await mkdir(folder, { mode: 0o700 });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || isParentMade || dirname(folder) === folder) throw error;
    await makeFolder(dirname(folder));
    await makeFolder(folder, true);
  }
}
