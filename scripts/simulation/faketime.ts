import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const LIBRARIES = '/usr/lib';

/** The variant for programs with threads, from the package `faketime`, on Linux. `undefined` if it is not installed. */
function findFaketime(): string | undefined {
  if (!existsSync(LIBRARIES)) return undefined;
  const folders = ['', ...readdirSync(LIBRARIES).filter((name) => name.endsWith('-linux-gnu'))];
  return folders
    .map((name) => join(LIBRARIES, name, 'faketime', 'libfaketimeMT.so.1'))
    .find((file) => existsSync(file));
}

/** libfaketime, which moves the clocks of a program. */
export const FAKETIME = findFaketime();

export const NO_FAKETIME =
  'libfaketime, which moves the clocks of the client, is not installed (apt-get install faketime)';

/** The environment of a program whose clocks differ from the right time by what the file says, at every moment. */
export function clockFrom(file: string, clock: 'both' | 'wall'): Record<string, string> {
  return {
    LD_PRELOAD: FAKETIME ?? '',
    FAKETIME_NO_CACHE: '1',
    FAKETIME_TIMESTAMP_FILE: file,
    // The variable has another name in older versions.
    ...(clock === 'wall' ? { FAKETIME_DONT_FAKE_MONOTONIC: '1', DONT_FAKE_MONOTONIC: '1' } : {}),
  };
}
