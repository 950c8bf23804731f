import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { freePort } from '../shared/testing/servers/free-port.ts';

test('npm run demo says that the server of demo.json is down, and exits with 2', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'seatlease-demo-'));
  const url = `http://127.0.0.1:${await freePort()}`;
  const demo = { url, license_id: 'lic', license_key: 'slk', operator_key: 'sop' };
  writeFileSync(join(folder, 'demo.json'), JSON.stringify(demo));
  try {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/demo.ts'], {
      encoding: 'utf8',
      env: { ...process.env, SEATLEASE_DATA: folder },
    });
    expect({ status, stdout, stderr }).toEqual({
      status: 2,
      stdout: '',
      stderr: `Nothing answers at ${url}. Start it with npm start.\n`,
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
