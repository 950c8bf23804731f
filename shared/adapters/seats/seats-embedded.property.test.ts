import { describe, inject } from 'vitest';
import { embeddedBackend } from '../../testing/seats/backend.ts';
import { ENOUGH_RUNS, historiesAgree } from '../../testing/seats/histories.ts';

/**
 * Embedded Redis is five times slower than redis-server, which runs the same scripts. If redis-server is available, it
 * shows that the scripts are correct, and a few runs here show that embedded Redis runs them in the same way.
 */
const runs = inject('missingParts').includes('redis-server') ? ENOUGH_RUNS : 200;

describe('random histories on embedded Redis', () => historiesAgree(embeddedBackend, runs));
