import { afterAll, beforeAll, expect, vi } from 'vitest';

// Test files that share a process must leave it as they found it, or the next one fails for no reason of its own.
let environment: NodeJS.ProcessEnv;
let folder: string;

beforeAll(() => {
  environment = { ...process.env };
  folder = process.cwd();
});

afterAll(() => {
  expect(vi.isFakeTimers(), 'fake timers are left behind').toBe(false);
  expect({ ...process.env }, 'the environment is left changed').toEqual(environment);
  expect(process.cwd(), 'the working folder is left changed').toBe(folder);
});
