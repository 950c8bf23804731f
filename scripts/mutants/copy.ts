import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { applyMutation, type Mutation } from './mutation.ts';
import { filesOf } from './sample.ts';

/** A copy of the tree, to be changed in place of it. */
export interface TreeCopy {
  readonly folder: string;
  /** Applies the mutation while `work` runs. */
  withMutation<T>(mutation: Mutation, work: () => Promise<T>): Promise<T>;
  remove(): void;
}

export const COPY_CONFIG = 'vitest.mutants.config.ts';

/** As the tree's own, without the setup that installs packages of infra/, whose tests do not run here. */
const CONFIG = `import config from './vitest.config.ts';
const { test = {} } = config;
const globalSetup = [test.globalSetup ?? []].flat().filter((file) => !file.startsWith('infra/'));
export default { ...config, test: { ...test, globalSetup } };
`;

export function copyTree(root: string): TreeCopy {
  const folder = mkdtempSync(join(tmpdir(), 'seatlease-mutants-'));
  for (const file of filesOf(root)) {
    // A file that is deleted and not yet committed is still in the index.
    if (!existsSync(join(root, file))) continue;
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    copyFileSync(join(root, file), join(folder, file));
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, COPY_CONFIG), CONFIG);
  return {
    folder,
    async withMutation(mutation, work) {
      const file = join(folder, mutation.file);
      const source = readFileSync(file, 'utf8');
      writeFileSync(file, applyMutation(source, mutation));
      try {
        return await work();
      } finally {
        writeFileSync(file, source);
      }
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
