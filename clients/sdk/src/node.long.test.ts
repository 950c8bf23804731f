import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type ClockedSuite, openClockedSuite } from '../../../functions/testing/clocked-suite.ts';
import { isFree } from '../../../functions/testing/is-free.ts';
import type { TestLicense } from '../../../functions/testing/suite.ts';
import { runModule, temporaryFolder } from './node/testing.ts';

let clocked: ClockedSuite;
let place: { folder: string; remove(): Promise<void> };
let license: TestLicense;
beforeAll(async () => {
  clocked = await openClockedSuite();
  place = await temporaryFolder();
});
afterAll(async () => {
  await clocked.close();
  await place.remove();
});
/** A license with one seat. */
beforeEach(async () => {
  license = await clocked.suite.createLicense({ max: 1, borrow: { max_days: 7 } });
});

/** A program that acquires a seat and then runs `rest`. */
const program = (rest: string, acquireOptions = '') =>
  runModule(
    `
    import { Seatlease } from '${new URL('./node.ts', import.meta.url).href}';
    const { URL: url, KEY: licenseKey } = process.env;
    const publicKeys = await (await fetch(url + '/.well-known/jwks.json')).json();
    const seatlease = new Seatlease({ url, licenseKey, publicKeys });
    const seat = await seatlease.acquire(${acquireOptions});
    console.log('seated');
    const staying = () => setInterval(() => {}, 1_000);
    ${rest}`,
    { URL: clocked.suite.url, KEY: license.key, XDG_STATE_HOME: place.folder },
  );

/** Not by `vi.waitFor`, which moves a fake clock at each try: then leases would seem to end late. */
const soonFree = () => expect.poll(() => isFree(license), { timeout: 10_000 }).toBe(true);

describe('the seat is free as soon as the program', () => {
  test('has an empty event loop', async () => {
    expect(await program('').ended).toMatchObject({ code: 0 });
    expect(await isFree(license)).toBe(true);
  });

  test('leaves the block of an `await using` seat', async () => {
    const { child, ended, says } = program("{ await using mine = seat; } console.log('left'); staying();");
    await says('left');
    expect(await isFree(license)).toBe(true);
    child.kill();
    await ended;
  });

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('ends by %s', async (signal) => {
    const { child, ended, says } = program('staying();');
    await says('seated');
    expect(await isFree(license)).toBe(false);
    child.kill(signal);
    expect(await ended).toMatchObject({ signal });
    await soonFree();
  });

  test.each([
    ['calls process.exit', 'process.exit(3);', 3],
    ['ends by an uncaught exception', "throw new Error('a bug');", 1],
  ])('%s', async (_, rest, code) => {
    expect(await program(rest).ended).toMatchObject({ code });
    await soonFree();
  });
});

test('the seat of a killed program is free once its lease has ended, and not before', async () => {
  const { child, ended, says } = program('staying();');
  await says('seated');
  child.kill('SIGKILL');
  await ended;
  clocked.moveClock(359_000);
  expect(await isFree(license)).toBe(false);
  clocked.moveClock(2_000);
  expect(await isFree(license)).toBe(true);
});

test('a borrowed seat outlives its program, and the next program releases it', async () => {
  const loan = '{ borrowDays: 3 }';
  expect(await program('process.exit();', loan).ended).toMatchObject({ code: 0 });
  clocked.moveClock(24 * 3_600_000);
  expect(await isFree(license)).toBe(false);
  expect(await program('await seat.release();', loan).ended).toMatchObject({ code: 0 });
  expect(await isFree(license)).toBe(true);
});

describe('programs of one machine share a seat:', () => {
  test('it is free when the last of them ends', async () => {
    const stays = program('staying();');
    await stays.says('seated');
    expect(await program('').ended).toMatchObject({ code: 0 });
    expect(await program('process.exit();').ended).toMatchObject({ code: 0 });
    expect(await isFree(license)).toBe(false);
    stays.child.kill();
    await stays.ended;
    await soonFree();
  });

  test('one that starts while another releases the seat gets a seat that stays held', async () => {
    expect(await program('process.exit();').ended).toMatchObject({ code: 0 });
    const next = program('staying();');
    await next.says('seated');
    expect(await isFree(license)).toBe(false);
    next.child.kill();
    await next.ended;
  });
});
