import { limitsContract } from '../../testing/contracts/limits/suite.ts';
import { describeReal } from '../../testing/real-parts.ts';
import { startRedisCluster } from '../../testing/servers/redis-cluster.ts';
import { redisEngine } from '../redis/redis-protocol.ts';
import { openLimits } from './upstash-limits.ts';

describeReal('redis-server', 'limits on a Redis Cluster', () => {
  limitsContract(async () => {
    const cluster = await startRedisCluster();
    const [here, there] = [1, 2].map(() => redisEngine({ url: cluster.url, isCluster: true }));
    if (!here || !there) throw new TypeError('There are two engines.');
    return {
      limits: openLimits(here),
      elsewhere: openLimits(there),
      async close() {
        here.close();
        there.close();
        await cluster.stop();
      },
    };
  });
});
