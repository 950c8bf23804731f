import type { AtExit, Platform, Request, Response, Storage } from '../platform.ts';
import { TestClock } from './clock.ts';
import { TestNetwork } from './network.ts';

/** A test's machine: the state that outlives its programs. */
export interface TestMachine {
  readonly clock: TestClock;
  readonly files: Map<string, string>;
  readonly name: string;
}

/** A test's program, on its machine. */
export interface TestPlatform extends Platform {
  readonly clock: TestClock;
  readonly transport: TestNetwork;
  /** Errors of listeners. */
  readonly reported: unknown[];
  /** Releases registered for the end of the program. */
  readonly atEnd: Set<AtExit>;
}

export function testMachine(name = 'machine', clock = new TestClock()): TestMachine {
  return { name, clock, files: new Map() };
}

/** The machine after a power cut: its programs have ended without a release, its files remain. */
export function powerCut(machine: TestMachine): TestMachine {
  machine.clock.dropTimers();
  return { ...machine };
}

export function testPlatform(
  server: (request: Request) => Promise<Response>,
  machine: TestMachine = testMachine(),
  processId = 'process-1',
  more: Pick<Platform, 'understudy'> = {},
): TestPlatform {
  const reported: unknown[] = [];
  const atEnd = new Set<AtExit>();
  return {
    clock: machine.clock,
    transport: new TestNetwork(machine.clock, server),
    storage: memoryStorage(machine.files),
    fingerprint: async () => `fingerprint of ${machine.name}`,
    hostname: () => machine.name,
    processId,
    reported,
    atEnd,
    atExit(release) {
      atEnd.add(release);
      return () => void atEnd.delete(release);
    },
    report: (error) => void reported.push(error),
    ...more,
  };
}

export function memoryStorage(files: Map<string, string>): Storage {
  return {
    read: async (name) => files.get(name),
    async write(name, text) {
      files.set(name, text);
    },
    async remove(name) {
      files.delete(name);
    },
  };
}
