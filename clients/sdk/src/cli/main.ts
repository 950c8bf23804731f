import { SeatleaseError } from '../errors.ts';
import type { Platform } from '../platform.ts';
import { login, logout } from './account.ts';
import { WRONG_USAGE } from './exit-codes.ts';
import { Guard, guarded } from './guard.ts';
import { USAGE } from './help.ts';
import { borrow, returnLoan } from './loan.ts';
import { describeNoSeat, exitCodeOf, fieldsOf } from './no-seat.ts';
import { type Command, isForPrograms, readCommand, UsageError } from './options.ts';
import { eventLine, type Report } from './output.ts';
import { type Spawn, spawnOnTerminal } from './program.ts';
import { type RunHost, run } from './run.ts';
import { Settings } from './settings.ts';
import { status } from './status.ts';

/** The package that the command is part of. Its file knows both. */
export interface Self {
  readonly version: string;
  /** `bin/seatlease.js`. */
  readonly file: string;
}

/** The process that the command runs in. Tests replace it to capture output and to control time. */
export interface Host {
  print(text: string): void;
  printError(text: string): void;
  readonly spawn: Spawn;
  readonly platform?: Platform | undefined;
  readonly guard?: Pick<Guard, keyof Guard> | undefined;
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
  self: Self,
  host: Host = THIS_PROCESS,
): Promise<number> {
  if (args.length === 0) {
    host.printError(USAGE);
    return WRONG_USAGE;
  }
  let settings: Settings | undefined;
  try {
    const command = readCommand(args);
    switch (command.does) {
      case 'help':
        host.print(command.text);
        return 0;
      case 'version':
        host.print(`${self.version}\n`);
        return 0;
      default: {
        settings = new Settings(command.seat, env, host.platform);
        return await carryOut(command, settings, self, host);
      }
    }
  } catch (error) {
    const failure = failureOf(error, settings);
    if (!failure) throw error;
    const { fields, exitCode } = failure;
    const isOfRun = args.find((arg) => !arg.startsWith('-')) === 'run';
    const text = `${isOfRun && exitCode !== WRONG_USAGE ? 'no seat: ' : ''}${failure.text}`;
    if (!isForPrograms(args)) host.printError(`seatlease: ${text}\n`);
    else if (isOfRun) host.printError(eventLine('error', text, fields, true));
    else host.print(`${JSON.stringify({ error: { ...fields, message: text } })}\n`);
    return exitCode;
  }
}

type Work = Exclude<Command, { does: 'help' } | { does: 'version' }>;

async function carryOut(command: Work, settings: Settings, self: Self, host: Host): Promise<number> {
  const { asJson } = command;
  const report = async (work: Promise<Report>): Promise<number> => {
    const { text, json, exitCode = 0 } = await work;
    host.print(`${asJson ? JSON.stringify(json, null, 2) : text}\n`);
    return exitCode;
  };
  switch (command.does) {
    case 'run': {
      const say: RunHost['say'] = (event, text, fields = {}) =>
        host.printError(eventLine(event, text, fields, asJson));
      const { graceSeconds } = command.run;
      const report = (problem: string): void => say('warning', problem);
      const guard = host.guard ?? new Guard({ self: self.file, graceSeconds, asJson, report });
      const seatlease = await settings.open({ platform: guarded(settings.platform, guard) });
      return run({ ...command.run, wait: settings.wait }, seatlease, {
        asJson,
        origin: settings.origin,
        spawn: host.spawn,
        say,
        guard,
        clock: settings.platform.clock,
      });
    }
    case 'status':
      return report(status(settings));
    case 'borrow':
      return report(borrow(command.days, settings));
    case 'return':
      return report(returnLoan(settings));
    case 'login':
      return report(login(settings));
    case 'logout':
      return report(logout(settings));
  }
}

interface Failure {
  readonly text: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly exitCode: number;
}

/** `undefined` for an error of this program. */
function failureOf(error: unknown, settings: Settings | undefined): Failure | undefined {
  if (error instanceof UsageError) {
    const text = `${error.message} Run "seatlease --help" for usage.`;
    return { text, fields: { code: 'WRONG_USAGE' }, exitCode: WRONG_USAGE };
  }
  const named = settings ? settings.named(error) : error;
  if (!(named instanceof SeatleaseError)) return undefined;
  const text = describeNoSeat(named, settings?.origin ?? '');
  return { text, fields: fieldsOf(named), exitCode: exitCodeOf(named) };
}
