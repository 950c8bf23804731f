import { describeReal } from '../../testing/real-parts.ts';
import { realBackend } from '../../testing/seats/backend.ts';
import { ENOUGH_RUNS, historiesAgree } from '../../testing/seats/histories.ts';

describeReal('redis-server', 'random histories on Redis', () => historiesAgree(realBackend, ENOUGH_RUNS));
