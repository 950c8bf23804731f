import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { buildConsole } from './build.ts';

/** What the first visit downloads. */
const MAX_BYTES = 56 * 1024;

describe('the built console', () => {
  let files: ReadonlyMap<string, string>;
  beforeAll(async () => {
    files = await buildConsole();
  });
  const page = (): string => files.get('console/index.html') ?? '';

  test('is smaller than 56 KiB when compressed', () => {
    const bytes = [...files.values()].reduce((sum, content) => sum + gzipSync(content).length, 0);
    expect(bytes).toBeGreaterThan(8 * 1024);
    expect(bytes).toBeLessThan(MAX_BYTES);
  });

  test('is one page, and contains each file that it loads, under a name with a hash of the content', () => {
    const parts = [...page().matchAll(/(?:src|href)="([^"]*)"/g)].map(([, address = '']) => address);
    expect(parts.length).toBeGreaterThanOrEqual(3);
    for (const part of parts) {
      expect(part).toMatch(/^\/console\/assets\/[\w-]+-[\w-]{8}\.(js|css|svg)$/);
      expect(files.has(part.slice(1)), part).toBe(true);
    }
    expect(files.size).toBe(parts.length + 1);
  });

  test('has nothing that the content security policy forbids: no inline code and no URL in the styles', () => {
    expect(page()).not.toMatch(/<style|<script(?![^>]*\ssrc=)|\sstyle=|\son\w+=/);
    expect(page()).toMatch(/<script[^>]*\ssrc=/);
    for (const [path, content] of files) {
      if (!path.endsWith('.css')) continue;
      expect(content).not.toMatch(/url\(|@import/);
    }
  });
});
