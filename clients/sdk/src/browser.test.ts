import { beforeEach, expect, test } from 'vitest';
import { Seatlease } from './browser.ts';
import { CannedServer } from './testing/canned.ts';
import { TestClock } from './testing/clock.ts';
import { testMachine, testPlatform } from './testing/platform.ts';
import { testVendor } from './testing/vendor.ts';

const KEY = { url: 'https://licenses.example.com', licenseKey: 'slk_07_aaaaaaaaaaaaaaaa_secret' };

let platform: ReturnType<typeof testPlatform>;
beforeEach(() => {
  const clock = new TestClock();
  platform = testPlatform(new CannedServer(clock).answer, testMachine('browser', clock));
});

test('a page borrows no seat: borrowDays throws OPTION_INVALID and asks nothing, and there is no returnLoan()', async () => {
  const { pem } = await testVendor();
  const seatlease = new Seatlease({ ...KEY, publicKeys: pem, platform });
  // @ts-expect-error: it is not an option here
  await expect(seatlease.acquire({ borrowDays: 3 })).rejects.toMatchObject({
    code: 'OPTION_INVALID',
    message: 'borrowDays is not an option. Options are wait, signal.',
    members: { option: 'borrowDays' },
  });
  expect(platform.transport.sent).toEqual([]);
  expect(seatlease).not.toHaveProperty('returnLoan');
});
