import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { platform } from 'node:os';
import { detachedOptions, startProcess } from '../node/start-process.ts';
import type { AtExit, Platform, Request } from '../platform.ts';
import type { Duty } from './guard-process.ts';
import { identifyProcess } from './same-process.ts';

/** A guard that was killed is replaced; one that cannot be started costs the machine little. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

export interface GuardOptions {
  /** The file of this command: `seatlease guard` runs it again. */
  readonly self: string;
  readonly graceSeconds: number;
  readonly asJson: boolean;
  report(problem: string): void;
}

/**
 * A small process beside this one. When this one is killed, it ends the program and releases the seat. It is needed because
 * nothing else ends the program: a process cannot handle SIGKILL, Node has no parent-death signal
 * (https://github.com/nodejs/node/issues/3286), and Linux has one only for its own children, not for macOS, and not for
 * programs that change their user (https://man7.org/linux/man-pages/man2/pr_set_pdeathsig.2const.html).
 */
export class Guard {
  readonly #options: GuardOptions;
  #duty: Duty = {};
  #process: ChildProcess | undefined;
  #failures = 0;

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  /** The process that runs now; `undefined` if there is none. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** The program to end if this process is killed from now on. `pid` is a child that has not been waited for. */
  watch(pid: number): void {
    // On Windows the system itself ends the program together with this process: libuv puts its children into a job that ends
    // with it (https://github.com/libuv/libuv/blob/v1.x/src/win/process.c). By then the id may be another process's.
    if (platform() === 'win32') return;
    const { graceSeconds } = this.#options;
    this.#give({ ...this.#duty, program: { ...identifyProcess(pid), graceSeconds } });
  }

  /** The program has ended. */
  ended(): void {
    this.#give({ ...this.#duty, program: undefined });
  }

  releaseBy(release: Request | undefined): void {
    this.#give({ ...this.#duty, release });
  }

  #give(duty: Duty): void {
    this.#duty = duty;
    this.#send();
  }

  /** Through a pipe: other users of the machine can read arguments. */
  #send(): void {
    this.#process?.stdin?.write(`${JSON.stringify({ ...this.#duty, asJson: this.#options.asJson })}\n`);
  }

  /** Also replaces one that has ended: the duty stays. */
  start(): void {
    // It has a session of its own: the terminal's hang-up and `kill -9 -GROUP` do not reach it either.
    const options: SpawnOptions = { ...detachedOptions(), stdio: ['pipe', 'ignore', 'inherit'] };
    const child = startProcess(
      () => spawn(process.execPath, [this.#options.self, 'guard'], options),
      (reason) => {
        if (this.#failures === 0)
          this.#options.report(
            `the guard process cannot be started: ${reason}. If this command is killed, the program runs on.`,
          );
        this.#startAgain();
      },
    );
    if (!child) return;
    this.#process = child;
    // Neither keeps this process running.
    child.unref();
    if (child.stdin && 'unref' in child.stdin && typeof child.stdin.unref === 'function') child.stdin.unref();
    child.stdin?.on('error', () => {});
    child.once('exit', () => this.#startAgain());
    child.once('spawn', () => {
      this.#failures = 0;
    });
    this.#send();
  }

  #startAgain(): void {
    this.#process = undefined;
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** this.#failures, LONGEST_PAUSE_MS);
    this.#failures += 1;
    setTimeout(() => this.start(), pauseMs).unref();
  }
}

/** The same platform, whose requests for the end of the program the guard also has: always the latest ones. */
export function guarded(platform: Platform, guard: Pick<Guard, 'releaseBy'>): Platform {
  const registered = new Set<AtExit>();
  const update = (): void => {
    const [release] = [...registered].flatMap((each) => each.afterwards() ?? []);
    guard.releaseBy(release);
  };
  // This process does nothing but wait: its event loop is always free, and needs no thread beside it.
  const { understudy: _, ...rest } = platform;
  return {
    ...rest,
    transport: {
      async send(request, options) {
        try {
          return await platform.transport.send(request, options);
        } finally {
          // After the SDK has read the answer: it may contain a new token.
          setImmediate(update);
        }
      },
    },
    atExit(release) {
      const off = platform.atExit(release);
      registered.add(release);
      update();
      return () => {
        off();
        registered.delete(release);
        update();
      };
    },
  };
}
