import { spawnSync } from 'node:child_process';
import type { TestProject } from 'vitest/node';
import { pubSubEmulatorBinary } from './servers/pubsub-emulator.ts';

/** For each real server or tool: a command that succeeds only if it is installed, and how to install it. */
export const PARTS = {
  'redis-server': { command: ['redis-server', '--version'], install: 'apt-get install redis-server' },
  openssl: { command: ['openssl', 'version'], install: 'apt-get install openssl' },
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

export type RealPart = keyof typeof PARTS;

declare module 'vitest' {
  interface ProvidedContext {
    missingParts: readonly RealPart[];
  }
}

/** Checks once, before all tests, which real servers and tools are installed, and reports the missing ones. */
export default function setup(project: TestProject): void {
  const parts = Object.keys(PARTS) as RealPart[];
  const missing = parts.filter((part) => !isInstalled(part));
  project.provide('missingParts', missing);
  for (const part of missing) {
    process.stdout.write(
      `\nSKIPPED: suites that need ${part}, which is not installed (${PARTS[part].install}).\n`,
    );
  }
}

function isInstalled(part: RealPart): boolean {
  const [command, ...args] = PARTS[part].command;
  return spawnSync(command, args, { stdio: 'ignore', timeout: 20_000 }).status === 0;
}
