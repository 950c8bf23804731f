import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Request } from '../platform.ts';
import { eventLine } from './output.ts';
import { isRunning, type ProcessId } from './same-process.ts';

/** What the guard does when the command is killed. */
export interface Duty {
  readonly program?: (ProcessId & { readonly graceSeconds: number }) | undefined;
  readonly release?: Request | undefined;
  readonly asJson?: boolean;
}

const POLL_MS = 200;
/** After SIGKILL a process may wait for a disk; it runs no more code of its own. */
const AFTER_SIGKILL_SECONDS = 5;
/** The guard must not stay behind for long. A seat that it cannot release is free when its lease ends. */
const RELEASE_WITHIN_MS = 5_000;
const RELEASE_PAUSE_MS = 500;

/** Runs until the other end of the pipe on standard input is closed: the command has ended, or was killed. */
export async function runGuard(): Promise<void> {
  // `systemctl stop` sends SIGTERM to every process of the unit. This one ends with the command anyway, not before it.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
  let duty: Duty = {};
  for await (const line of createInterface({ input: process.stdin })) duty = parse(line) ?? duty;
  const { program, release, asJson = false } = duty;
  if (program) await end(program, asJson);
  if (release) await send(release);
}

/** `undefined` for a line that the command could not finish. */
function parse(line: string): Duty | undefined {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

async function end(program: NonNullable<Duty['program']>, asJson: boolean): Promise<void> {
  const { pid, graceSeconds } = program;
  if (!isRunning(program)) return;
  const text = 'the command was killed; sending SIGTERM to its program.';
  process.stderr.write(eventLine('killed', text, { pid }, asJson));
  // SIGCONT: a stopped program handles SIGTERM only when it continues. systemd.kill(5) does the same.
  kill(pid, 'SIGTERM');
  kill(pid, 'SIGCONT');
  if (await endsWithin(program, graceSeconds)) return;
  kill(pid, 'SIGKILL');
  await endsWithin(program, AFTER_SIGKILL_SECONDS);
}

/** Polls, because the system notifies only the parent of a process that ends. */
async function endsWithin(program: ProcessId, seconds: number): Promise<boolean> {
  const untilMs = performance.now() + seconds * 1000;
  for (;;) {
    if (!isRunning(program)) return true;
    if (performance.now() >= untilMs) return false;
    await sleep(POLL_MS);
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended, or is another user's.
  }
}

async function send(release: Request): Promise<void> {
  // Not before it is needed: HTTP and TLS would be most of the memory of this process.
  const { nodeTransport } = await import('../node/transport.ts');
  const { send } = nodeTransport();
  const untilMs = performance.now() + RELEASE_WITHIN_MS;
  for (let leftMs = RELEASE_WITHIN_MS; leftMs > RELEASE_PAUSE_MS; leftMs = untilMs - performance.now()) {
    const isAnswered = await send(release, { timeoutMs: leftMs, background: false }).then(
      ({ status }) => status < 500,
      () => false,
    );
    if (isAnswered) return;
    await sleep(RELEASE_PAUSE_MS * (1 + Math.random()));
  }
}
