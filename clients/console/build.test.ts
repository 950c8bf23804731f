import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { buildConsole } from './build.ts';

/** What everybody waits for who opens the console for the first time. */
const MOST_BYTES = 48 * 1024;

describe('the console as it is served', () => {
  let files: ReadonlyMap<string, string>;
  beforeAll(async () => {
    files = await buildConsole();
  });
  const page = (): string => files.get('console/index.html') ?? '';

  test('is small: all of it, compressed', () => {
    const bytes = [...files.values()].reduce((sum, content) => sum + gzipSync(content).length, 0);
    expect(bytes).toBeGreaterThan(8 * 1024);
    expect(bytes).toBeLessThan(MOST_BYTES);
  });

  test('is one page whose parts are all there, under names that change with what is in them', () => {
    const parts = [...page().matchAll(/(?:src|href)="([^"]*)"/g)].map(([, address = '']) => address);
    expect(parts.length).toBeGreaterThanOrEqual(3);
    for (const part of parts) {
      expect(part).toMatch(/^\/console\/assets\/[\w-]+-[\w-]{8}\.(js|css|svg)$/);
      expect(files.has(part.slice(1)), part).toBe(true);
    }
    expect(files.size).toBe(parts.length + 1);
  });

  test('has nothing that the policy of the site forbids: nothing inline, and nothing from elsewhere', () => {
    expect(page()).not.toMatch(/<style|<script(?![^>]*\ssrc=)|\sstyle=|\son\w+=/);
    expect(page()).toMatch(/<script[^>]*\ssrc=/);
    for (const [path, content] of files) {
      if (!path.endsWith('.css')) continue;
      expect(content).not.toMatch(/url\(|@import/);
    }
  });
});
