import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeReal } from '../../shared/testing/real-parts.ts';
import { shellBlocksOf } from './markdown.ts';
import { type Newcomer, newcomer, type Shell } from './newcomer.ts';

/** Not run as blocks: `npm start` runs below, and `npm test` runs this test. */
const SET_UP = ['npm ci && npm start', 'npm ci && npm test'];

const PAGES = ['README.md', 'clients/docs/tour.md'];

let reader: Newcomer;
beforeAll(async () => {
  reader = await newcomer();
  await reader.start();
});
afterAll(() => reader.leave());

describe.each(PAGES)('%s', (page) => {
  const [variables = '', ...stories] = shellBlocksOf(readFileSync(page, 'utf8')).filter(
    (code) => !SET_UP.includes(code),
  );

  test('begins with the variables that its other blocks use', () => {
    expect(variables).toMatch(/^(\w+=.*\n?)+$/);
    expect(stories.length).toBeGreaterThanOrEqual(3);
  });

  async function paste(code: string, shell: Shell): Promise<void> {
    const { status, output } = await reader.paste(`${variables}\n${code}`, shell);
    expect(status, output).toBe(0);
    expect(output).not.toContain('urn:seatlease:problem');
  }

  test.each(stories)('pastes into bash: %s', (code) => paste(code, 'bash'));
  describeReal('zsh', 'pastes into zsh', () => {
    test.each(stories)('%s', (code) => paste(code, 'zsh'));
  });
});

test('the README has both set-up commands', () => {
  expect(shellBlocksOf(readFileSync('README.md', 'utf8'))).toEqual(expect.arrayContaining(SET_UP));
});
