import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomOf } from '../../shared/testing/random.ts';
import { ROOT } from '../bundle/esbuild.ts';
import { mutateLua } from './lua.ts';
import type { Mutation } from './mutation.ts';
import { MUTATED_ROOMS, type MutatedRoom } from './options.ts';
import { mutateTypeScript } from './typescript.ts';

/** Files of the tree, sorted: those in the index and new ones, without ignored ones. */
export function filesOf(root: string, folders: readonly string[] = []): string[] {
  const args = [
    'ls-files',
    '--cached',
    '--others',
    '--exclude-standard',
    '--deduplicate',
    '-z',
    '--',
    ...folders,
  ];
  const { status, stdout, stderr } = spawnSync('git', args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
  });
  if (status !== 0) throw new Error(`git ls-files failed: ${stderr}`);
  return stdout.split('\0').filter(Boolean).toSorted();
}

const LUA = 'shared/adapters/seats/lua';
/** Tests, their helpers, sample requests and generated files. */
const NOT_MUTATED = /\.test\.ts$|\/testing\/|\/example\.ts$|^functions\/(manifest|index|example)\.ts$/;

export function isMutated(file: string): boolean {
  if (NOT_MUTATED.test(file)) return false;
  return file.startsWith(`${LUA}/`) ? file.endsWith('.lua') : file.endsWith('.ts');
}

/** Every mutation of the tree, or of one room. */
export function findMutations({ root = ROOT, room }: { root?: string; room?: MutatedRoom }): Mutation[] {
  return filesOf(root, room ? [room] : MUTATED_ROOMS)
    .filter(isMutated)
    .flatMap((file) => {
      const source = readFileSync(join(root, file), 'utf8');
      return file.endsWith('.lua') ? mutateLua(file, source) : mutateTypeScript(file, source);
    });
}

/** As many of the mutations as `count`, chosen by `seed`, in order of place. */
export function sampleOf(mutations: readonly Mutation[], count: number, seed: number): Mutation[] {
  const order = mutations.map((_, i) => i);
  const chosen = new Set(randomOf(seed, 'mutants').shuffled(order).slice(0, count));
  return mutations.filter((_, i) => chosen.has(i));
}

export function roomOf(file: string): MutatedRoom {
  const room = MUTATED_ROOMS.find((each) => file.startsWith(`${each}/`));
  if (!room) throw new RangeError(`${file} is in no mutated room`);
  return room;
}
