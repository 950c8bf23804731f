import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { indexFiles } from './generate/indexes.ts';
import { generatedFiles } from './generate/outputs.ts';

const FILES = [...indexFiles(), ...(await generatedFiles())];

describe('generated files', () => {
  test.each(FILES)('%s is up to date (npm run generate)', (path, content) => {
    expect(readFileSync(path, 'utf8')).toBe(content);
  });
});
