import { type ChildProcess, spawn } from 'node:child_process';

/**
 * A shell that kills the process, or the group that it leads, when its input ends, which happens however this process
 * ends: an exit handler does not run for a test worker that is killed.
 */
export function endWithThisProcess(child: ChildProcess, whole: 'process' | 'group'): void {
  if (child.pid === undefined) return;
  const target = whole === 'group' ? `-${child.pid}` : `${child.pid}`;
  const watchdog = spawn('sh', ['-c', 'read -r _; kill -9 "$0"', target], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  watchdog.on('error', () => {});
  child.once('exit', () => watchdog.kill('SIGKILL'));
}
