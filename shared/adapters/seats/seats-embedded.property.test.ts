import { describe, inject } from 'vitest';
import { runs } from '../../testing/runs.ts';
import { embeddedBackend } from '../../testing/seats/backend.ts';
import { historiesAgree } from '../../testing/seats/histories.ts';

/**
 * Embedded Redis is five times slower than redis-server, which runs the same scripts. If redis-server is available, it
 * shows that the scripts are correct, and a few runs here show that embedded Redis runs them in the same way.
 */
const histories = inject('missingParts').includes('redis-server') ? runs(250, 1_000) : runs(50, 400);

describe('random histories on embedded Redis', () => historiesAgree(embeddedBackend, histories));
