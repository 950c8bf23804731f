import { expect, test } from 'vitest';
import { isSafeUrl } from './loopback.ts';

test.each([
  'https://licenses.example.com',
  'http://127.0.0.1:8080',
  'http://127.1.2.3',
  'http://localhost:3000/path',
  'http://[::1]:8080',
])('%s is safe to send secrets to', (url) => {
  expect(isSafeUrl(url)).toBe(true);
});

test.each([
  'http://licenses.example.com',
  'http://localhost.example.com',
  'http://127.0.0.1.example.com',
  'http://127.0.0.1@example.com',
  'http://10.0.0.1',
  'http://0.0.0.0',
  'ftp://localhost',
  'localhost',
  '',
])('%j is not', (url) => {
  expect(isSafeUrl(url)).toBe(false);
});
