import { describe } from 'vitest';
import { describeReal } from '../../testing/real-parts.ts';
import { upstashBackend } from '../../testing/seats/backend.ts';
import { clusterBackend } from '../../testing/seats/cluster-backend.ts';
import { historiesAgree } from '../../testing/seats/histories.ts';

/** On the other engines and servers, some histories show that the scripts do the same there. */
const HISTORIES = 250;

describeReal('redis-server', 'random histories', () => {
  describe('on Redis behind the REST API of Upstash', () => historiesAgree(upstashBackend, HISTORIES));
  describe('on a cluster', () => historiesAgree(clusterBackend, HISTORIES));
});
