import { type ChildProcess, spawn } from 'node:child_process';

/**
 * Ends the child, or its whole process group, with this process. A shell waits until its input ends, which happens
 * however this process ends, and then kills the child. An exit handler would not run if a test worker is killed.
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
