import { afterAll, beforeAll, expect, vi } from 'vitest';

// Test files share a process: one that does not restore it would make the next file fail.
let environment: NodeJS.ProcessEnv;
let folder: string;

beforeAll(() => {
  environment = { ...process.env };
  folder = process.cwd();
});

afterAll(() => {
  expect(vi.isFakeTimers(), 'the test file must restore real timers').toBe(false);
  expect({ ...process.env }, 'the test file must restore the environment').toEqual(environment);
  expect(process.cwd(), 'the test file must restore the working folder').toBe(folder);
});
