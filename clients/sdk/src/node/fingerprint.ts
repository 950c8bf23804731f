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
  const id = (await machineId(sources)) ?? (await keptId(storage));
  return createHmac('sha256', id).update('seatlease fingerprint').digest('base64url');
}

async function machineId(sources: MachineSources): Promise<string | undefined> {
  const { system, read, run } = sources;
  switch (system) {
    case 'darwin': {
      const args = ['-rd1', '-c', 'IOPlatformExpertDevice'];
      return found(() => run('/usr/sbin/ioreg', args), /"IOPlatformUUID"\s*=\s*"([\w-]+)"/);
    }
    case 'win32': {
      const args = ['query', 'HKLM\\SOFTWARE\\Microsoft\\Cryptography', '/v', 'MachineGuid', '/reg:64'];
      return found(() => run('reg.exe', args), /MachineGuid\s+REG_SZ\s+([\w-]+)/);
    }
    default: {
      // In an image that was not booted yet, the file contains "uninitialized", or is empty.
      const written = /^([0-9a-f]{32})\s*$/;
      return (
        (await found(() => read('/etc/machine-id'), written)) ??
        (await found(() => read('/var/lib/dbus/machine-id'), written))
      );
    }
  }
}

async function found(ask: () => Promise<string>, pattern: RegExp): Promise<string | undefined> {
  try {
    return pattern.exec(await ask())?.[1];
  } catch {
    return undefined;
  }
}

async function keptId(storage: Storage): Promise<string> {
  const kept = await storage.read(STORED_AS);
  if (kept) return kept;
  const made = randomUUID();
  await storage.write(STORED_AS, made);
  // Another program may have written one at the same time: both use the stored one.
  return (await storage.read(STORED_AS)) || made;
}
