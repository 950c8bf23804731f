import { readFileSync } from 'node:fs';
import { validate } from '@actions/languageservice';
import { describe, expect, test } from 'vitest';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { parse } from 'yaml';

const manifest = readFileSync('clients/action/action.yml', 'utf8');
const readme = readFileSync('clients/action/README.md', 'utf8');
const sources = ['take', 'post', 'runner'].map((name) =>
  readFileSync(`clients/action/src/${name}.ts`, 'utf8'),
);

describe('action.yml', () => {
  let documents = 0;
  /** The faults that GitHub's own validator finds. It caches by address, so each text gets its own. */
  const faultsOf = async (text: string): Promise<string[]> => {
    documents += 1;
    const faults = await validate(TextDocument.create(`file:///${documents}/action.yml`, 'yaml', 1, text));
    return faults.map(({ message }) => String(message));
  };

  test('is valid', async () => {
    expect(await faultsOf(manifest)).toEqual([]);
  });

  test.each([
    ['using: node24', 'using: node25'],
    ['post-if: always()', 'post-if: allways()'],
    ['main: dist', 'mainly: dist'],
  ])('would be refused with a fault in %s', async (part, faulty) => {
    expect(await faultsOf(manifest.replace(part, faulty))).not.toEqual([]);
  });

  test('declares exactly the inputs and outputs that the steps use, and the README lists them', () => {
    const { inputs, outputs } = parse(manifest) as Record<'inputs' | 'outputs', Record<string, unknown>>;
    const used = (pattern: RegExp): string[] =>
      [
        ...new Set(sources.flatMap((text) => [...text.matchAll(pattern)].map(([, name]) => String(name)))),
      ].sort();
    expect(Object.keys(inputs).sort()).toEqual(used(/\binput\('([\w-]+)'\)/g));
    expect(Object.keys(outputs).sort()).toEqual(used(/\bsetOutput\('([\w-]+)'/g));
    for (const name of [...Object.keys(inputs), ...Object.keys(outputs)])
      expect(readme).toContain(`\`${name}\``);
  });
});

test('the workflow in the README is valid', async () => {
  const workflow = readme.match(/```yaml\n(.*?)```/s)?.[1] ?? '';
  expect(workflow).toContain('clients/action@');
  const faults = await validate(
    TextDocument.create('file:///readme/.github/workflows/a.yml', 'yaml', 1, workflow),
  );
  expect(faults.map(({ message }) => String(message))).toEqual([]);
});
