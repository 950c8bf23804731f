import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** For tests: a new user's checkout after `npm ci`, in its own folder, and the shells opened in it. */
export interface Newcomer {
  readonly folder: string;
  /** Runs `npm start` and resolves when it is ready, with everything that it has printed. */
  start(): Promise<StartedServer>;
  /**
   * Runs `code` in an interactive shell without start-up files, as if pasted into a terminal: history expansion (`!`) is
   * on, and zsh has no comments. `set -eu -o pipefail` ends it at the first failure.
   */
  paste(code: string, shell?: Shell): Promise<{ status: number | null; output: string }>;
  leave(): Promise<void>;
}

export type Shell = keyof typeof SHELLS;

const SHELLS = {
  bash: ['--norc', '--noprofile', '-i', '-s'],
  zsh: ['-f', '-i', '-s'],
} as const;
/** Printed after the last line: its absence shows that a command has read the rest of the block as its input. */
const PASTED = 'all lines were pasted';

export interface StartedServer {
  readonly printed: string;
  /** Everything printed so far. */
  output(): string;
  /** Ctrl-C: signals every process in the terminal. Resolves with everything that was printed. */
  interrupt(): Promise<string>;
  /** Ends every process at once, without a chance to clean up. */
  kill(): Promise<void>;
}

const CHECKOUT = ['package.json', 'node_modules', 'clients', 'scripts', 'shared', 'functions'];

export async function newcomer(): Promise<Newcomer> {
  const folder = await mkdtemp(join(tmpdir(), 'seatlease-newcomer-'));
  for (const path of CHECKOUT) await symlink(resolve(path), join(folder, path));
  const running = new Set<ChildProcess>();

  function run(
    command: string,
    args: readonly string[],
    { input = '', ...environment }: { input?: string; [variable: string]: string | undefined } = {},
  ) {
    const child = spawn(command, args, {
      cwd: folder,
      env: { PATH: process.env.PATH, HOME: folder, ...environment },
      stdio: 'pipe',
      detached: true,
    });
    child.stdin.end(input);
    running.add(child);
    let output = '';
    child.stdout.on('data', (data) => (output += String(data)));
    child.stderr.on('data', (data) => (output += String(data)));
    const ended = new Promise<number | null>((done) => child.once('close', done));
    void ended.then(() => running.delete(child));
    return { child, ended, output: () => output };
  }

  return {
    folder,
    async start() {
      const { child, ended, output } = run('npm', ['start'], { PORT: '0', SWEEP_SECONDS: '1' });
      await new Promise<void>((ready, fail) => {
        child.stdout.on('data', () => {
          if (output().includes('Stop with Ctrl-C')) ready();
        });
        void ended.then(() => fail(new Error(`npm start ended: ${output()}`)));
      });
      return {
        printed: output(),
        output,
        async interrupt() {
          signal(child, 'SIGINT');
          await ended;
          return output();
        },
        async kill() {
          signal(child, 'SIGKILL');
          await ended;
        },
      };
    },
    async paste(code, shell = 'bash') {
      const input = `set -eu -o pipefail\n${code}\necho '${PASTED}'\nexit\n`;
      const { ended, output } = run(shell, SHELLS[shell], { input, PS1: '', PS2: '' });
      const status = await ended;
      const printed = output();
      if (status === 0 && !printed.includes(`${PASTED}\n`)) throw new Error(`lines are missing: ${printed}`);
      if (printed.includes('event not found')) throw new Error(`history expansion: ${printed}`);
      return { status, output: printed };
    },
    async leave() {
      for (const child of running) signal(child, 'SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function signal(child: ChildProcess, name: NodeJS.Signals): void {
  if (child.pid !== undefined) process.kill(-child.pid, name);
}
