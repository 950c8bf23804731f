import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { startEmulator } from './emulator-process.ts';
import { freePort } from './free-port.ts';

const run = promisify(execFile);

const server = `require('node:http').createServer((_, answer) => answer.end()).listen(process.argv[1], '127.0.0.1')`;
const isAnswering = async (host: string): Promise<boolean> =>
  fetch(`http://${host}/`).then(
    () => true,
    () => false,
  );

test('an emulator answers from its start until it is killed', async () => {
  const port = await freePort();
  const host = `127.0.0.1:${port}`;
  const emulator = await startEmulator('fake emulator', host, [process.execPath, '-e', server, `${port}`]);
  expect(await isAnswering(host)).toBe(true);
  await emulator.kill();
  expect(await isAnswering(host)).toBe(false);
  await emulator.kill();
});

test('throws with the output of an emulator that exits at once', async () => {
  const code = `console.error('no Java here'); process.exit(3)`;
  const starting = startEmulator('fake emulator', '127.0.0.1:1', [process.execPath, '-e', code]);
  await expect(starting).rejects.toThrow(/fake emulator did not start \(it ended with 3\).*no Java here/s);
});

test('throws when the emulator is not installed', async () => {
  const starting = startEmulator('fake emulator', '127.0.0.1:1', ['no-such-emulator']);
  await expect(starting).rejects.toThrow('ENOENT');
});

test('an emulator ends with the process that started it, even if that is killed', async () => {
  const port = await freePort();
  const host = `127.0.0.1:${port}`;
  const module = JSON.stringify(new URL('./emulator-process.ts', import.meta.url).href);
  const code = `
    const { startEmulator } = await import(${module});
    const command = [process.execPath, '-e', ${JSON.stringify(server)}, '${port}'];
    await startEmulator('fake emulator', '${host}', command);
    console.log((await fetch('http://${host}/')).status);
    process.kill(process.pid, 'SIGKILL');
  `;
  const killed = run(process.execPath, ['--input-type=module', '--eval', code]);
  await expect(killed).rejects.toMatchObject({ signal: 'SIGKILL', stdout: '200\n' });
  await expect.poll(() => isAnswering(host), { timeout: 10_000 }).toBe(false);
});
