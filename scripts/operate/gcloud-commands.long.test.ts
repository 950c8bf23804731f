import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import * as z from 'zod/mini';
import { describeUnless } from '../../shared/testing/real-parts.ts';
import { curingCommands } from '../doctor/testing/commands.ts';
import { ofGoogle } from './runbook-commands.ts';

const missing =
  spawnSync('gcloud', ['--version']).status === 0
    ? ''
    : 'gcloud is not installed (https://cloud.google.com/sdk/docs/install)';

describeUnless(missing, 'the gcloud commands of the runbook (infra/README.md) and the doctor', () => {
  const Lint = z.array(
    z.object({ command_string: z.string(), success: z.boolean(), error_message: z.nullable(z.string()) }),
  );

  function lint(list: readonly string[]): z.infer<typeof Lint> {
    const folder = mkdtempSync(join(tmpdir(), 'seatlease-gcloud-'));
    const file = join(folder, 'commands.json');
    writeFileSync(file, JSON.stringify(list.map((command) => ({ command_string: command }))));
    const { stdout } = spawnSync('gcloud', ['meta', 'lint-gcloud-commands', `--commands-file=${file}`]);
    rmSync(folder, { recursive: true });
    return z.parse(Lint, JSON.parse(String(stdout)));
  }

  test('are known to gcloud, with valid options', async () => {
    const all = [...new Set([...ofGoogle, ...(await curingCommands())])];
    const checked = lint([...all, 'gcloud kms keys versions list --keyrings=seatlease']);
    expect(checked.at(-1)?.success, 'the linter reports a wrong command').toBe(false);
    expect(checked.slice(0, -1).filter(({ success }) => !success)).toEqual([]);
    expect(checked).toHaveLength(all.length + 1);
    expect(all.length).toBeGreaterThan(ofGoogle.length + 20);
  });
});
