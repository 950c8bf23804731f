import { posix } from 'node:path';
import { importsOf } from '../checks/imports.ts';

/** Tests that may notice a change of a file: the nearest, which run first, and the others. */
export interface RelatedTests {
  readonly near: readonly string[];
  readonly far: readonly string[];
}

const SEATS = 'shared/adapters/seats';
const OF_LUA: RelatedTests = {
  near: [`${SEATS}/lua/lua.test.ts`, `${SEATS}/seats.test.ts`],
  far: [`${SEATS}/seats-embedded.property.test.ts`],
};
const MOST_NEAR = 6;

const isTest = (file: string): boolean => file.endsWith('.test.ts');
/** `npm test` leaves these out. */
const isLong = (file: string): boolean => file.endsWith('.long.test.ts');

/** Finds the tests of a file by what imports it, in `sources` by their paths. */
export function relatedTestsIn(sources: ReadonlyMap<string, string>): (file: string) => RelatedTests {
  const importers = importersIn(sources);
  return (file) => {
    if (file.endsWith('.lua')) return OF_LUA;
    const distances = distancesFrom(file, importers);
    const folders = nearestByFolder(distances);
    const rank = (test: string): [number, number, number] => [
      isNamedAs(test, file) ? 0 : 1,
      folders.get(posix.dirname(test)) ?? Number.MAX_SAFE_INTEGER,
      distances.get(test) ?? 0,
    ];
    const tests = [...distances.keys()]
      .filter((each) => isTest(each) && !isLong(each))
      .map((test) => ({ test, rank: rank(test) }))
      .sort((a, b) => compare(a.rank, b.rank) || a.test.localeCompare(b.test, 'en'))
      .map(({ test }) => test);
    return { near: tests.slice(0, MOST_NEAR), far: tests.slice(MOST_NEAR) };
  };
}

function importersIn(sources: ReadonlyMap<string, string>): Map<string, string[]> {
  const importers = new Map<string, string[]>();
  for (const [file, source] of sources) {
    for (const { of } of importsOf(file, source)) importers.set(of, [...(importers.get(of) ?? []), file]);
  }
  return importers;
}

/** How many imports each importer is away from the file, through others. */
function distancesFrom(file: string, importers: ReadonlyMap<string, readonly string[]>): Map<string, number> {
  const distances = new Map([[file, 0]]);
  // Entries that are added while the map is read are read too.
  for (const [each, distance] of distances) {
    for (const importer of importers.get(each) ?? []) {
      if (!distances.has(importer)) distances.set(importer, distance + 1);
    }
  }
  return distances;
}

/** For each folder, how near its nearest file is that is not a test. */
function nearestByFolder(distances: ReadonlyMap<string, number>): Map<string, number> {
  const folders = new Map<string, number>();
  for (const [file, distance] of distances) {
    const folder = posix.dirname(file);
    if (!isTest(file)) folders.set(folder, Math.min(distance, folders.get(folder) ?? distance));
  }
  return folders;
}

/** `ids.test.ts` and `ids.race.test.ts` are named as `ids.ts`. */
function isNamedAs(test: string, file: string): boolean {
  return test.startsWith(`${file.replace(/\.ts$/, '')}.`);
}

function compare(a: readonly number[], b: readonly number[]): number {
  const place = a.findIndex((each, i) => each !== b[i]);
  return place < 0 ? 0 : (a[place] ?? 0) - (b[place] ?? 0);
}
