import { describeReal } from '../../testing/real-parts.ts';
import { runs } from '../../testing/runs.ts';
import { realBackend } from '../../testing/seats/backend.ts';
import { historiesAgree } from '../../testing/seats/histories.ts';

describeReal('redis-server', 'random histories on Redis', () =>
  historiesAgree(realBackend, runs(250, 2_000)),
);
