import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { describeReal } from '../../shared/testing/real-parts.ts';
import { runProgram, runUnittest } from '../../shared/testing/run-python.ts';

describeReal('python3', 'programs with the Python client', () => {
  test('release at their end, fork and use threads as clients/python/README.md says, and its blocks run', () =>
    runUnittest('test_programs'));
});

describeReal('mypy', 'the types of the Python client', () => {
  test('pass the strict check', () => {
    const output = runProgram(
      ['mypy', '--strict', '--python-version', '3.9', '--cache-dir', '/dev/null', 'src'],
      {
        cwd: 'clients/python',
      },
    );
    expect(output).toContain('no issues');
  });
});

describeReal('python3-wheel', 'the wheel of the Python client', () => {
  const folder = mkdtempSync(join(tmpdir(), 'seatlease-wheel-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('is built and installed by the commands of the README, without a network, and has types', () => {
    // The build writes into the folder that it builds.
    cpSync('clients/python', join(folder, 'clients/python'), { recursive: true });
    const page = readFileSync('clients/python/README.md', 'utf8');
    const [, commands = ''] = /```sh\n(.*?)```/s.exec(page) ?? [];
    const venv = join(folder, 'venv');
    runProgram(['/usr/bin/python3', '-m', 'venv', '--system-site-packages', venv]);
    // pip reads "false" as --no-build-isolation: setuptools of this machine builds.
    const env = {
      PIP_NO_BUILD_ISOLATION: 'false',
      PIP_NO_INDEX: '1',
      PATH: `${venv}/bin:${process.env.PATH}`,
    };
    runProgram(['sh', '-ec', commands], { cwd: folder, env });
    const show = `import seatlease, pathlib
folder = pathlib.Path(seatlease.__file__).parent
print(folder, sorted(each.name for each in folder.iterdir() if each.suffix in ("", ".typed")))`;
    expect(runProgram([`${venv}/bin/python3`, '-I', '-c', show], { cwd: folder })).toMatch(/venv.*py\.typed/);
  });
});
