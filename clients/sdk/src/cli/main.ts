import { readFileSync } from 'node:fs';
import { Seatlease, SeatleaseError } from '../node.ts';
import type { Platform } from '../platform.ts';
import { describeNoSeat, exitCodeOf } from './no-seat.ts';
import { type RunOptions, readCommand, USAGE, UsageError } from './options.ts';
import { runProgram, type Spawn, spawnOnTerminal } from './program.ts';
import { ForwardedSignals } from './signals.ts';

const USAGE_EXIT = 64;

/** The process that the command runs in. Tests replace it to capture output and to control time. */
export interface Host {
  print(text: string): void;
  printError(text: string): void;
  readonly spawn: Spawn;
  readonly platform?: Platform | undefined;
}

const THIS_PROCESS: Host = {
  print: (text) => void process.stdout.write(text),
  printError: (text) => void process.stderr.write(text),
  spawn: spawnOnTerminal,
};

/** Returns the exit code. The SDK releases the seat when this process ends. */
export async function main(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  host: Host = THIS_PROCESS,
): Promise<number> {
  try {
    const command = readCommand(args, env);
    switch (command.does) {
      case 'help':
        host.print(USAGE);
        return 0;
      case 'version':
        host.print(`${version()}\n`);
        return 0;
      case 'run':
        return await run(command.options, host);
    }
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    printLine(host, `${error.message} Run "seatlease --help" for usage.`);
    return USAGE_EXIT;
  }
}

async function run(options: RunOptions, host: Host): Promise<number> {
  const { url, licenseKey, fingerprint, userId, processId, wait, graceSeconds, program, args } = options;
  const seatlease = open({ url, licenseKey, fingerprint, userId, processId, platform: host.platform });
  const { origin } = new URL(url);
  const signals = new ForwardedSignals();
  try {
    const denied = seatlease.on('denied', ({ error }) => {
      if (!wait) return;
      printLine(host, `waiting for a seat: ${describeNoSeat(error, url)}`);
      denied();
    });
    const seat = await seatlease.acquire({ wait, signal: signals.ended });
    const running = runProgram(program, args, signals, host);
    seat.on('offline', () =>
      printLine(host, `${origin} does not answer; the program runs on for as long as the license allows.`),
    );
    seat.on('online', () => printLine(host, `${origin} answers again.`));
    seat.on('lost', ({ reason }) => {
      printLine(host, `the seat is lost (${reason}); sending SIGTERM to the program.`);
      running.end(graceSeconds);
    });
    return await running.exitCode;
  } catch (error) {
    if (signals.exitCode !== undefined) return signals.exitCode;
    if (!(error instanceof SeatleaseError)) throw error;
    printLine(host, `no seat: ${describeNoSeat(error, url)}`);
    return exitCodeOf(error);
  } finally {
    // The program has ended: from here on a signal ends this process.
    signals.stop();
  }
}

/** The constructor throws only for wrong options. */
function open(options: ConstructorParameters<typeof Seatlease>[0]): Seatlease {
  try {
    return new Seatlease(options);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function printLine(host: Host, text: string): void {
  host.printError(`seatlease: ${text}\n`);
}

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return JSON.parse(text).version;
}
