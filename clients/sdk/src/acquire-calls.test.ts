import { expect, test } from 'vitest';
import { identify } from './acquire-calls.ts';
import type { SeatleaseOptions } from './options.ts';
import { testMachine, testPlatform } from './testing/platform.ts';

const nameOf = async (options: SeatleaseOptions, machine = 'laptop'): Promise<string> => {
  const platform = testPlatform(() => Promise.reject(new Error('not asked')), testMachine(machine));
  return (await identify(options, platform)).name;
};

test('what is stored is named by license, user and machine, and the name reveals none of them', async () => {
  const names = [
    await nameOf({ licenseKey: 'slk_07_a_secret' }),
    await nameOf({ licenseKey: 'slk_07_b_secret' }),
    await nameOf({ licenseId: 'lic_07_a' }),
    await nameOf({ licenseId: 'lic_07_b' }),
    await nameOf({ licenseId: 'lic_07_b', userId: 'ada' }),
    await nameOf({ licenseId: 'lic_07_b', userId: 'eve' }),
    await nameOf({ licenseId: 'lic_07_b' }, 'desktop'),
    await nameOf({ licenseId: 'lic_07_b', fingerprint: 'given' }),
  ];
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^seat-[0-9a-f]{32}$/);
});

test('what is stored outlives a move of the server and a new version of the app', async () => {
  const options = { licenseKey: 'slk_07_a_secret', url: 'https://old.example', appVersion: '1' };
  expect(await nameOf({ ...options, url: 'https://new.example', appVersion: '2' })).toBe(
    await nameOf(options),
  );
});
