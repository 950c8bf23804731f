import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Newcomer, newcomer } from './newcomer.ts';

/** What these do is seen by running `npm start` below, and by whoever runs this test. */
const SET_UP = ['npm ci && npm start', 'npm ci && npm test'];

const blocks = [...readFileSync('README.md', 'utf8').matchAll(/```(\w*)\n(.*?)```/gs)].map(
  ([, language, code]) => ({
    language,
    code: String(code).trim(),
  }),
);
const stories = blocks.map(({ code }) => code).filter((code) => !SET_UP.includes(code));

describe('what the README tells a newcomer to paste works', () => {
  let reader: Newcomer;
  beforeAll(async () => {
    reader = await newcomer();
    await reader.start();
  });
  afterAll(() => reader.leave());

  test('both set-up commands stand there, and every block is one that this test can run', () => {
    expect(blocks.map(({ code }) => code)).toEqual(expect.arrayContaining(SET_UP));
    expect(blocks.filter(({ language }) => language !== 'sh')).toEqual([]);
    expect(stories.length).toBeGreaterThanOrEqual(3);
  });

  test.each(stories)('%s', async (code) => {
    const { status, output } = await reader.paste(code);
    expect(status, output).toBe(0);
    expect(output).not.toContain('urn:seatlease:problem');
  });
});
