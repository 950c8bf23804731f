import { execFile } from 'node:child_process';
import { createHmac, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { platform } from 'node:os';
import { promisify } from 'node:util';
import { SeatleaseError } from '../errors.ts';
import type { FileStorage } from './storage.ts';

const STORED_AS = 'machine';

/** How to read a system's machine id. */
export interface MachineSources {
  readonly system: NodeJS.Platform;
  read(file: string): Promise<string>;
  run(command: string, args: readonly string[]): Promise<string>;
}

const THIS_MACHINE: MachineSources = {
  system: platform(),
  read: (file) => readFile(file, 'utf8'),
  run: async (command, args) => (await promisify(execFile)(command, args, { timeout: 5_000 })).stdout,
};

/**
 * The same for every program and user of a machine, on every start, and in every client
 * (clients/docs/fingerprint-vectors.json). Without a machine id, a random one is kept in `storage`. Throws
 * FINGERPRINT_UNAVAILABLE if it cannot be: a new one at each start would take a seat at each start.
 */
export async function machineFingerprint(storage: FileStorage, sources = THIS_MACHINE): Promise<string> {
  const id = (await machineId(sources)) ?? (await storedId(storage));
  if (id !== undefined) return fingerprintOf(id);
  throw new SeatleaseError(
    'FINGERPRINT_UNAVAILABLE',
    `This machine has no machine id, and none can be stored in ${storage.folder ?? 'a home folder: there is none'}. Set ` +
      'SEATLEASE_FINGERPRINT (or the option fingerprint) to a text that identifies this machine, the same on every start, or ' +
      'SEATLEASE_STATE_FOLDER to a folder that can be written and is kept.',
  );
}

/**
 * The machine id itself stays on the machine: only its digest leaves it, as systemd requires
 * (https://www.freedesktop.org/software/systemd/man/latest/machine-id.html).
 */
export function fingerprintOf(id: string): string {
  return createHmac('sha256', id).update('seatlease fingerprint').digest('base64url');
}

async function machineId({ system, read, run }: MachineSources): Promise<string | undefined> {
  switch (system) {
    case 'darwin': {
      const args = ['-rd1', '-c', 'IOPlatformExpertDevice'];
      return match(() => run('/usr/sbin/ioreg', args), /"IOPlatformUUID"\s*=\s*"([\w-]+)"/);
    }
    case 'win32': {
      const args = ['query', 'HKLM\\SOFTWARE\\Microsoft\\Cryptography', '/v', 'MachineGuid', '/reg:64'];
      return match(() => run('reg.exe', args), /MachineGuid\s+REG_SZ\s+([\w-]+)/);
    }
    default: {
      // In an image that was not booted yet, the file contains "uninitialized", or is empty.
      const written = /^([0-9a-f]{32})\s*$/;
      return (
        (await match(() => read('/etc/machine-id'), written)) ??
        (await match(() => read('/var/lib/dbus/machine-id'), written))
      );
    }
  }
}

async function match(output: () => Promise<string>, pattern: RegExp): Promise<string | undefined> {
  try {
    return pattern.exec(await output())?.[1];
  } catch {
    return undefined;
  }
}

const RANDOM_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Counts only once it was stored and read back. Programs that start at the same time agree on one. */
async function storedId(storage: FileStorage): Promise<string | undefined> {
  const stored = await storage.read(STORED_AS);
  if (stored !== undefined && RANDOM_ID.test(stored)) return stored;
  if (stored !== undefined) await storage.remove(STORED_AS);
  await storage.create(STORED_AS, randomUUID());
  const created = await storage.read(STORED_AS);
  return created !== undefined && RANDOM_ID.test(created) ? created : undefined;
}
