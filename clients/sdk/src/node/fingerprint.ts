import { execFile } from 'node:child_process';
import { createHmac, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { platform } from 'node:os';
import { promisify } from 'node:util';
import type { Storage } from '../platform.ts';

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
 * The same for every program and user of a machine, on every start. The machine id itself stays on the machine: only its
 * digest leaves it, as systemd requires (https://www.freedesktop.org/software/systemd/man/latest/machine-id.html). Without a
 * machine id, a random one is kept in `storage`.
 */
export async function machineFingerprint(storage: Storage, sources = THIS_MACHINE): Promise<string> {
  const id = (await machineId(sources)) ?? (await storedId(storage));
  return createHmac('sha256', id).update('seatlease fingerprint').digest('base64url');
}

async function machineId(sources: MachineSources): Promise<string | undefined> {
  const { system, read, run } = sources;
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

async function storedId(storage: Storage): Promise<string> {
  const stored = await storage.read(STORED_AS);
  if (stored) return stored;
  const generated = randomUUID();
  await storage.write(STORED_AS, generated);
  // Another program may have written one at the same time: both use the stored one.
  return (await storage.read(STORED_AS)) || generated;
}
