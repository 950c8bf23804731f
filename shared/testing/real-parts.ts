import { spawnSync } from 'node:child_process';
import { describe, test } from 'vitest';

/** What a real part needs on the PATH, and how a newcomer gets it. */
const PARTS = {
  'redis-server': { command: ['redis-server', '--version'], install: 'apt-get install redis-server' },
  'Firestore emulator': {
    command: ['gcloud', 'emulators', 'firestore', '--help'],
    install: 'the gcloud CLI with its cloud-firestore-emulator component, and Java 17 or newer',
  },
} as const;

export type RealPart = keyof typeof PARTS;

/**
 * A suite that runs against a real part. Where the part is missing the suite is a visible skip that names it, or,
 * under `REAL_PARTS=required`, a failure: CI must not pass by having nothing to test against.
 */
export function describeReal(part: RealPart, title: string, suite: () => void): void {
  if (isInstalled(part)) {
    describe(`${title} (real ${part})`, suite);
    return;
  }
  const missing = `${title}: ${part} is not installed (${PARTS[part].install})`;
  if (process.env.REAL_PARTS === 'required') {
    test(missing, () => {
      throw new Error(`REAL_PARTS=required, but ${missing}`);
    });
  } else {
    test.skip(missing, () => {});
  }
}

function isInstalled(part: RealPart): boolean {
  const [command, ...args] = PARTS[part].command;
  return spawnSync(command, args, { stdio: 'ignore', timeout: 20_000 }).status === 0;
}
