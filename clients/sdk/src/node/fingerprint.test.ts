import { afterEach, beforeEach, expect, test } from 'vitest';
import { type MachineSources, machineFingerprint } from './fingerprint.ts';
import { fileStorage } from './storage.ts';
import { temporaryFolder } from './testing.ts';

const ID = '0123456789abcdef0123456789abcdef';
const UUID = '564D1F20-9A4C-4B3E-8F00-0123456789AB';
const IOREG = `
+-o Mac14,2  <class IOPlatformExpertDevice, id 0x100000230, registered, matched, active, busy 0 (12 ms), retain 40>
    {
      "IOPlatformSerialNumber" = "C02XXXXXXXXX"
      "IOPlatformUUID" = "${UUID}"
    }`;
const REG = `\r\nHKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Cryptography\r\n    MachineGuid    REG_SZ    ${UUID}\r\n\r\n`;

let place: { folder: string; remove(): Promise<void> };
beforeEach(async () => {
  place = await temporaryFolder();
});
afterEach(() => place.remove());

/** A machine whose files and commands return `outputs`, and fail otherwise. */
function machine(system: NodeJS.Platform, outputs: Readonly<Record<string, string>>): MachineSources {
  const read = async (name: string): Promise<string> => outputs[name] ?? Promise.reject(new Error('ENOENT'));
  return { system, read, run: read };
}
const fingerprint = (sources: MachineSources, folder = place.folder) =>
  machineFingerprint(fileStorage(folder), sources);

test.each<[NodeJS.Platform, string, string, string]>([
  ['linux', '/etc/machine-id', `${ID}\n`, ID],
  ['linux', '/var/lib/dbus/machine-id', ID, ID],
  ['darwin', '/usr/sbin/ioreg', IOREG, UUID],
  ['win32', 'reg.exe', REG, UUID],
])(
  'on %s the fingerprint derives from %s, hides the machine id, and is the same for all users',
  async (system, source, output, raw) => {
    const [one, again] = [
      await fingerprint(machine(system, { [source]: output })),
      await fingerprint(machine(system, { [source]: output }), `${place.folder}/of another user`),
    ];
    expect(one).toMatch(/^[\w-]{43}$/);
    expect(again).toBe(one);
    expect(one).not.toContain(raw);
    const other = output.replace(raw, raw.replace('0', '1'));
    expect(await fingerprint(machine(system, { [source]: other }))).not.toBe(one);
  },
);

test.each([
  ['missing', {}],
  ['not initialized', { '/etc/machine-id': 'uninitialized\n' }],
])('if the machine id is %s, the fingerprint is random and stays the same', async (_, outputs) => {
  const withoutId = machine('linux', outputs);
  const [one, again] = [await fingerprint(withoutId), await fingerprint(withoutId)];
  expect(again).toBe(one);
  expect(await fingerprint(withoutId, `${place.folder}/of another machine`)).not.toBe(one);
});
