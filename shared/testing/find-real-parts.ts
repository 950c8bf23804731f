import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';
import { pubSubEmulatorBinary } from './servers/pubsub-emulator.ts';

/** For each real server or tool: a command that succeeds only if it is installed, and how to install it. */
export const PARTS = {
  'redis-server': { command: ['redis-server', '--version'], install: 'apt-get install redis-server' },
  openssl: { command: ['openssl', 'version'], install: 'apt-get install openssl' },
  'a C compiler with libcurl and OpenSSL 3': {
    command: [
      'sh',
      '-c',
      'make -v && c++ --version && echo "#include <curl/curl.h>\n#include <openssl/core_names.h>" | cc -fsyntax-only -xc -',
    ],
    install: 'apt-get install g++ make libcurl4-openssl-dev libssl-dev',
  },
  clang: { command: ['clang', '--version'], install: 'apt-get install clang' },
  valgrind: { command: ['valgrind', '--version'], install: 'apt-get install valgrind' },
  python3: { command: ['python3', '--version'], install: 'apt-get install python3' },
  'python3-wheel': {
    command: ['/usr/bin/python3', '-c', 'import setuptools, wheel, venv, ensurepip'],
    install: 'apt-get install python3-setuptools python3-wheel python3-venv',
  },
  mypy: { command: ['mypy', '--version'], install: 'apt-get install mypy' },
  zsh: { command: ['zsh', '--version'], install: 'apt-get install zsh' },
  chromium: { command: ['chromium', '--version'], install: 'apt-get install chromium' },
  'Firestore emulator': {
    command: ['gcloud', 'emulators', 'firestore', '--help'],
    install: 'the gcloud CLI with its cloud-firestore-emulator component, and Java 17 or newer',
  },
  'Pub/Sub emulator': {
    command: [pubSubEmulatorBinary(), '--help'],
    install: 'the gcloud CLI with its pubsub-emulator component, and Java 17 or newer',
  },
} as const;

/** Large enough for the help text that some of the commands print. */
const MAX_OUTPUT_BYTES = 10 * 1024 * 1024;

export type RealPart = keyof typeof PARTS;

declare module 'vitest' {
  interface ProvidedContext {
    missingParts: readonly RealPart[];
  }
}

/** Checks once, before all tests, which real servers and tools are installed, and reports the missing ones. */
export default async function setup(project: TestProject): Promise<void> {
  const parts = Object.keys(PARTS) as RealPart[];
  const installed = await Promise.all(parts.map(isInstalled));
  const missing = parts.filter((_, i) => !installed[i]);
  project.provide('missingParts', missing);
  for (const part of missing) {
    process.stdout.write(
      `\nSKIPPED: suites that need ${part}, which is not installed (${PARTS[part].install}).\n`,
    );
  }
}

function isInstalled(part: RealPart): Promise<boolean> {
  const [command, ...args] = PARTS[part].command;
  return promisify(execFile)(command, args, { timeout: 20_000, maxBuffer: MAX_OUTPUT_BYTES }).then(
    () => true,
    () => false,
  );
}
