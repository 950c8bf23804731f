import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shellBlocksOf } from './markdown.ts';
import { type Newcomer, newcomer, type Shell } from './newcomer.ts';

/** Not run as blocks: `npm start` runs below, and `npm test` runs these tests. */
export const SET_UP = ['npm ci && npm start', 'npm ci && npm test'];

/** For tests: pastes each shell block of `page` into `shell`, except those that `isSkipped` names. */
export function pastedBlocks(page: string, shell: Shell, isSkipped = (_code: string) => false): void {
  describe(`the shell blocks of ${page} in ${shell}`, () => {
    let reader: Newcomer;
    beforeAll(async () => {
      reader = await newcomer();
      await reader.start();
    });
    afterAll(() => reader.leave());

    const [variables = '', ...blocks] = shellBlocksOf(readFileSync(page, 'utf8')).filter(
      (code) => !SET_UP.includes(code),
    );

    test('begin with the variables that the others use', () => {
      expect(variables).toMatch(/^(\w+=.*\n?)+$/);
      expect(blocks.length).toBeGreaterThanOrEqual(3);
    });

    test.each(blocks.filter((code) => !isSkipped(code)))('%s', async (code) => {
      const { status, output } = await reader.paste(`${variables}\n${code}`, shell);
      expect(status, output).toBe(0);
      expect(output).not.toContain('urn:seatlease:problem');
    });
  });
}
