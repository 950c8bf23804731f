import { homedir, platform } from 'node:os';
import { isAbsolute, join } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

/** The system's folder for application state of one user. */
export function stateFolder(env: Environment = process.env, system = platform(), home = homedir()): string {
  switch (system) {
    case 'darwin':
      return join(home, 'Library', 'Application Support', 'seatlease');
    case 'win32':
      return join(env.LOCALAPPDATA || join(home, 'AppData', 'Local'), 'seatlease');
    default: {
      // Relative paths are ignored, as the XDG Base Directory Specification says.
      const given = env.XDG_STATE_HOME ?? '';
      return join(isAbsolute(given) ? given : join(home, '.local', 'state'), 'seatlease');
    }
  }
}
