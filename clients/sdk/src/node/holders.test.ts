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

/** Leaves, and returns whether that releases the seat. */
async function releases(leaving: { leave(last: () => Promise<void>): Promise<void> }): Promise<boolean> {
  let isLast = false;
  await leaving.leave(async () => {
    isLast = true;
  });
  return isLast;
}

/** Another program that joins `SEAT` and then runs `rest`. */
const program = (rest: string) =>
  runModule(`
    import { fileHolders } from '${HOLDERS}';
    const holders = fileHolders('${place.folder}');
    const membership = await holders.join('${SEAT}');
    console.log('joined');
    ${rest}`);
const STAYS = 'setInterval(() => {}, 1_000);';

describe('only the last holder of a shared seat releases it', () => {
  test('within one program', async () => {
    const [first, second] = [await holders.join(SEAT), await holders.join(SEAT)];
    expect([await releases(second), await releases(first)]).toEqual([false, true]);
    expect(readdirSync(place.folder)).toEqual([]);
  });

  test('among programs, also when one calls process.exit', async () => {
    const here = await holders.join(SEAT);
    const { ended } = program('console.log(membership.leaveNow());');
    expect((await ended).output).toBe('joined\nfalse\n');
    expect(here.leaveNow()).toBe(true);
  });

  test('independently of another seat', async () => {
    const [one, other] = [await holders.join(SEAT), await holders.join('another seat')];
    expect([await releases(one), await releases(other)]).toEqual([true, true]);
  });

  test('ignoring a killed program, even if another process has its process id by now', async () => {
    const { child, ended, says } = program(STAYS);
    await says('joined');
    const here = await holders.join(SEAT);
    expect(await releases(await holders.join(SEAT))).toBe(false);
    child.kill('SIGKILL');
    await ended;
    writeHolderFile({ start: '1' });
    expect(await releases(here)).toBe(true);
  });

  test('unless a program of another container may still run', async () => {
    const here = await holders.join(SEAT);
    writeHolderFile({
      pid: 2 ** 30,
      place: JSON.parse(thisProcess()).place.replace(/ .*/, ' another container'),
    });
    expect(await releases(here)).toBe(false);
  });

  test('exactly once when 20 holders leave at the same time', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => holders.join(SEAT)));
    const released = await Promise.all(all.map(releases));
    expect(released.filter(Boolean)).toHaveLength(1);
  });
});

describe('no program joins while the seat is being released', () => {
  test('by a program that waits for the release', async () => {
    const order: string[] = [];
    const here = await holders.join(SEAT);
    let finishRelease: () => void = () => {};
    const leaving = here.leave(() => new Promise((done) => (finishRelease = done)));
    const joining = holders.join(SEAT).then(() => order.push('joined'));
    await new Promise((later) => setTimeout(later, 0));
    order.push('released');
    finishRelease();
    await Promise.all([leaving, joining]);
    expect(order).toEqual(['released', 'joined']);
  });

  test('by a separate process after an exit, until the marks are removed or too old', async () => {
    expect((await holders.join(SEAT)).leaveNow()).toBe(true);
    const marks = holders.takeMarks();
    expect(marks.map((mark) => existsSync(mark))).toEqual([true]);
    expect(holders.takeMarks()).toEqual([]);
    // An old mark: the process that had to remove it has failed.
    for (const mark of marks) utimesSync(mark, new Date(0), new Date(0));
    await holders.join(SEAT);
    expect(marks.map((mark) => existsSync(mark))).toEqual([false]);
  });
});

test('all users of a machine can write the folder, and none can remove the files of another', async () => {
  const folder = join(place.folder, 'deeper', 'shared');
  await fileHolders(folder).join(SEAT);
  expect((statSync(folder).mode & 0o7777).toString(8)).toBe('1777');
  expect(readdirSync(folder).map((file) => (statSync(join(folder, file)).mode & 0o777).toString(8))).toEqual([
    '644',
  ]);
});

test('the seat is never released if the folder cannot be written', async () => {
  const file = join(place.folder, 'file');
  writeFileSync(file, '');
  const membership = await fileHolders(join(file, 'folder')).join(SEAT);
  expect([await releases(membership), membership.leaveNow()]).toEqual([false, false]);
});

/** Writes the file of a program that differs from this one by `change`. */
function writeHolderFile(change: object): void {
  const [file = ''] = readdirSync(place.folder);
  const mark = { ...JSON.parse(thisProcess()), ...change };
  writeFileSync(join(place.folder, file.replace(/\.[\w-]+\.stays$/, '.another.stays')), JSON.stringify(mark));
}
