import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MANIFEST } from '../../functions/manifest.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { FEATURES } from '../generate/features.ts';
import { anchorsOf, codeBlocksOf, linksOf, shellBlocksOf } from './markdown.ts';

const PAGES = globSync('**/*.md', { exclude: ['**/node_modules/**', '.seatlease/**'] }).toSorted();

/** The test that runs the code blocks of each page. */
const RUN_BY: Readonly<Record<string, string>> = {
  'README.md': 'scripts/checks/readme.test.ts',
  'clients/docs/protocol.md': 'scripts/checks/protocol.test.ts',
  'clients/action/README.md': 'clients/action/action.test.ts',
  'clients/c/README.md': 'clients/c/client.long.test.ts',
  'clients/docs/billing.md': 'scripts/checks/blocks.long.test.ts',
  'clients/docs/tour.md': 'scripts/checks/blocks.long.test.ts',
  'clients/docs/verify.md': 'scripts/checks/verify-guide.long.test.ts',
  'clients/python/README.md': 'clients/python/python.long.test.ts',
  'clients/sdk/README.md': 'scripts/sdk.long.test.ts',
  'infra/README.md': 'scripts/operate/runbook.test.ts',
};

test('finds the pages', () => {
  expect(PAGES).toEqual(expect.arrayContaining(['CONTRIBUTING.md', ...Object.keys(RUN_BY)]));
});

describe.each(PAGES)('%s', (page) => {
  const text = readFileSync(page, 'utf8');

  test('links only to files and headings that exist', () => {
    const broken = linksOf(text).filter((target) => {
      if (/^(https?|mailto):/.test(target)) return false;
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? page : normalize(join(dirname(page), path));
      if (!existsSync(file)) return true;
      return anchor !== undefined && !anchorsOf(readFileSync(file, 'utf8')).has(anchor);
    });
    expect(broken).toEqual([]);
  });

  test('has code only where a test runs it', () => {
    const hasCode = codeBlocksOf(text).some(({ language }) => language !== '');
    expect(hasCode).toBe(page in RUN_BY);
    if (hasCode)
      expect(readFileSync(String(RUN_BY[page]), 'utf8')).toContain(page.replace('clients/sdk/', ''));
  });

  test('has no comments in shell blocks, because zsh runs them as commands', () => {
    expect(shellBlocksOf(text).filter((code) => /^\s*#/m.test(code))).toEqual([]);
  });
});

test('the README has at most 200 lines', () => {
  expect(readFileSync('README.md', 'utf8').split('\n').length).toBeLessThanOrEqual(200);
});

describe('the index of features', () => {
  test('has every function', () => {
    const listed = new Set<string>(FEATURES.flatMap(({ functions }) => functions));
    expect([...listed].toSorted()).toEqual(MANIFEST.map(({ name }) => name).toSorted());
  });

  test('names only programs that package.json has', () => {
    const programs = FEATURES.flatMap(({ programs = [] }) => programs);
    expect(programs.filter((program) => !(program in packageJson.scripts))).toEqual([]);
  });

  test('links every page of clients/docs except api.md and itself', () => {
    const linked = FEATURES.flatMap(({ pages }) => pages.map((page) => page.replace(/#.*/, '')));
    const pages = PAGES.filter((page) => page.startsWith('clients/docs/') && !page.endsWith('/index.md'));
    expect(pages.filter((page) => !linked.includes(page))).toEqual(['clients/docs/api.md']);
  });
});
