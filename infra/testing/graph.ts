import { vi } from 'vitest';
import { type Graph, recordStack as record } from '../graph.ts';
import type { StackSettings } from '../settings.ts';

export type { Graph, Resource } from '../graph.ts';
export { keyOf } from '../graph.ts';

/** The resources of a stack with these settings. */
export function recordStack(settings: StackSettings): Promise<Graph> {
  return record(settings, () => {
    // The program runs when it is imported: once for each stack.
    vi.resetModules();
    return import('../index.ts');
  });
}
