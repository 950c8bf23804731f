import { homedir, platform } from 'node:os';
import { isAbsolute, join } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

/** Where each system has programs keep what they found out for one user. */
export function stateFolder(env: Environment = process.env, system = platform(), home = homedir()): string {
  switch (system) {
    case 'darwin':
      return join(home, 'Library', 'Application Support', 'seatlease');
    case 'win32':
      return join(env.LOCALAPPDATA || join(home, 'AppData', 'Local'), 'seatlease');
    default: {
      // A path that is not absolute counts as none (XDG Base Directory Specification).
      const given = env.XDG_STATE_HOME ?? '';
      return join(isAbsolute(given) ? given : join(home, '.local', 'state'), 'seatlease');
    }
  }
}

/**
 * Where programs of all users of a machine meet, as a seat may be the machine's. Not the folder for temporary files that
 * the environment names: it may be another one for each user.
 */
export function sharedFolder(env: Environment = process.env, system = platform()): string {
  return system === 'win32' ? join(env.ProgramData || 'C:\\ProgramData', 'seatlease') : '/tmp/seatlease';
}
