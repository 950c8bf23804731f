import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { shellBlocksOf } from './markdown.ts';
import { pastedBlocks, SET_UP } from './pasted-blocks.ts';

/** Waits for a lease of ten seconds: blocks.long.test.ts runs it. */
const isSlow = (code: string): boolean => code === 'npm run demo';

pastedBlocks('README.md', 'bash', isSlow);

test('the README has both set-up commands', () => {
  expect(shellBlocksOf(readFileSync('README.md', 'utf8'))).toEqual(expect.arrayContaining(SET_UP));
});
