import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';

test.each([
  ['admin', 'clients/admin/bin/seatlease-admin.js'],
  ...['bench', 'chaos', 'cost', 'demo', 'deploy', 'doctor', 'mutants', 'operate', 'verify-deploy'].map(
    (name) => [name, `scripts/${name}.ts`],
  ),
])('npm run %s prints its usage for --help and for an unknown option', (name, file) => {
  const call = (option: string) => spawnSync(process.execPath, [file, option], { encoding: 'utf8' });
  const help = call('--help');
  expect([help.status, help.stderr]).toEqual([0, '']);
  expect(help.stdout).toMatch(new RegExp(`^Usage: .*npm run ${name} -- `));
  const unknown = call('--unknown-option');
  expect([unknown.status, unknown.stdout]).toEqual([2, '']);
  expect(unknown.stderr).toContain(help.stdout);
});
