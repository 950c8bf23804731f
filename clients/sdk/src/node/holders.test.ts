import { existsSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type FileHolders, fileHolders } from './holders.ts';
import { thisProcess } from './process-mark.ts';
import { runModule, temporaryFolder } from './testing.ts';

const HOLDERS = new URL('./holders.ts', import.meta.url).href;
const SEAT = 'a seat';

let place: { folder: string; remove(): Promise<void> };
let holders: FileHolders;
beforeEach(async () => {
  place = await temporaryFolder();
  holders = fileHolders(place.folder);
});
afterEach(() => place.remove());

/** Whether `leave` had the seat given back. */
async function givesBack(leaving: { leave(last: () => Promise<void>): Promise<void> }): Promise<boolean> {
  let isLast = false;
  await leaving.leave(async () => {
    isLast = true;
  });
  return isLast;
}

/** Another program that shares `SEAT`, and then does `rest`. */
const program = (rest: string) =>
  runModule(`
    import { fileHolders } from '${HOLDERS}';
    const holders = fileHolders('${place.folder}');
    const membership = await holders.join('${SEAT}');
    console.log('joined');
    ${rest}`);
const STAYS = 'setInterval(() => {}, 1_000);';

describe('only the last of those who share a seat gives it back', () => {
  test('within a program', async () => {
    const [first, second] = [await holders.join(SEAT), await holders.join(SEAT)];
    expect([await givesBack(second), await givesBack(first)]).toEqual([false, true]);
    expect(readdirSync(place.folder)).toEqual([]);
  });

  test('among programs, also where one is told to exit', async () => {
    const here = await holders.join(SEAT);
    const { ended } = program('console.log(membership.leaveNow());');
    expect((await ended).output).toBe('joined\nfalse\n');
    expect(here.leaveNow()).toBe(true);
  });

  test('not of another seat', async () => {
    const [one, other] = [await holders.join(SEAT), await holders.join('another seat')];
    expect([await givesBack(one), await givesBack(other)]).toEqual([true, true]);
  });

  test('and not a program that was killed, whose number another process may have by now', async () => {
    const { child, ended, says } = program(STAYS);
    await says('joined');
    const here = await holders.join(SEAT);
    expect(await givesBack(await holders.join(SEAT))).toBe(false);
    child.kill('SIGKILL');
    await ended;
    leaveBehind({ start: '1' });
    expect(await givesBack(here)).toBe(true);
  });

  test('while one lives of whom nobody here can tell', async () => {
    const here = await holders.join(SEAT);
    leaveBehind({
      pid: 2 ** 30,
      place: JSON.parse(thisProcess()).place.replace(/ .*/, ' another container'),
    });
    expect(await givesBack(here)).toBe(false);
  });

  test('when all of many leave at once, one of them does', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => holders.join(SEAT)));
    const given = await Promise.all(all.map(givesBack));
    expect(given.filter(Boolean)).toHaveLength(1);
  });
});

describe('nobody joins while the seat is being given back', () => {
  test('by a program that waits for it', async () => {
    const order: string[] = [];
    const here = await holders.join(SEAT);
    let given: () => void = () => {};
    const leaving = here.leave(() => new Promise((done) => (given = done)));
    const joining = holders.join(SEAT).then(() => order.push('joined'));
    await new Promise((later) => setTimeout(later, 0));
    order.push('given back');
    given();
    await Promise.all([leaving, joining]);
    expect(order).toEqual(['given back', 'joined']);
  });

  test('by somebody else after a program was told to exit, until they take the marks away', async () => {
    expect((await holders.join(SEAT)).leaveNow()).toBe(true);
    const marks = holders.takeMarks();
    expect(marks.map((mark) => existsSync(mark))).toEqual([true]);
    expect(holders.takeMarks()).toEqual([]);
    // Long ago: whoever was to take it away has failed.
    for (const mark of marks) utimesSync(mark, new Date(0), new Date(0));
    await holders.join(SEAT);
    expect(marks.map((mark) => existsSync(mark))).toEqual([false]);
  });
});

test('users of one machine meet in the folder, and none can remove the files of another', async () => {
  const folder = join(place.folder, 'deeper', 'shared');
  await fileHolders(folder).join(SEAT);
  expect((statSync(folder).mode & 0o7777).toString(8)).toBe('1777');
  expect(readdirSync(folder).map((file) => (statSync(join(folder, file)).mode & 0o777).toString(8))).toEqual([
    '644',
  ]);
});

test('where nobody can tell who else is there, a seat is left to run out', async () => {
  const file = join(place.folder, 'file');
  writeFileSync(file, '');
  const membership = await fileHolders(join(file, 'folder')).join(SEAT);
  expect([await givesBack(membership), membership.leaveNow()]).toEqual([false, false]);
});

/** The file of a program that is like this one but for `change`. */
function leaveBehind(change: object): void {
  const [file = ''] = readdirSync(place.folder);
  const mark = { ...JSON.parse(thisProcess()), ...change };
  writeFileSync(join(place.folder, file.replace(/\.[\w-]+\.stays$/, '.another.stays')), JSON.stringify(mark));
}
