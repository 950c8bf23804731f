import { readFileSync } from 'node:fs';
import { Seatlease, SeatleaseError } from '../node.ts';
import { exitCodeOf, whyNoSeat } from './no-seat.ts';
import { type RunOptions, readCommand, USAGE, UsageError } from './options.ts';
import { runProgram } from './program.ts';
import { ForwardedSignals } from './signals.ts';

const USAGE_EXIT = 64;

/** Gives the exit code. What a seat's end needs is done by the SDK when this process ends, in whatever way. */
export async function main(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  try {
    const command = readCommand(args, env);
    switch (command.does) {
      case 'help':
        process.stdout.write(USAGE);
        return 0;
      case 'version':
        process.stdout.write(`${version()}\n`);
        return 0;
      case 'run':
        return await run(command.options);
    }
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    say(`${error.message} "seatlease --help" says how it is used.`);
    return USAGE_EXIT;
  }
}

async function run(options: RunOptions): Promise<number> {
  const { url, licenseKey, fingerprint, userId, processId, wait, graceSeconds, program, args } = options;
  const seatlease = open({ url, licenseKey, fingerprint, userId, processId });
  const signals = new ForwardedSignals();
  try {
    const denied = seatlease.on('denied', ({ error }) => {
      if (!wait) return;
      say(`waits for a seat: ${whyNoSeat(error)}`);
      denied();
    });
    const seat = await seatlease.acquire({ wait, signal: signals.ended });
    const running = runProgram(program, args, signals);
    seat.on('offline', () => say('the license server does not answer; the program may go on for now.'));
    seat.on('online', () => say('the license server answers again.'));
    seat.on('lost', ({ reason }) => {
      say(`the seat is lost (${reason}); the program is told to end.`);
      running.end(graceSeconds);
    });
    return await running.exitCode;
  } catch (error) {
    if (signals.exitCode !== undefined) return signals.exitCode;
    if (!(error instanceof SeatleaseError)) throw error;
    say(`no seat: ${whyNoSeat(error)}`);
    return exitCodeOf(error);
  } finally {
    // From here on a signal ends this process, as there is nobody to hand it on to.
    signals.stop();
  }
}

/** What it refuses is the call's fault. */
function open(options: ConstructorParameters<typeof Seatlease>[0]): Seatlease {
  try {
    return new Seatlease(options);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function say(text: string): void {
  process.stderr.write(`seatlease: ${text}\n`);
}

function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return JSON.parse(text).version;
}
