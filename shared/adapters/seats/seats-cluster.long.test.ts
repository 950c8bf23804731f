import { seatsContract } from '../../testing/contracts/seats/suite.ts';
import { describeReal } from '../../testing/real-parts.ts';
import { clusterBackend } from '../../testing/seats/cluster-backend.ts';
import { underTest } from '../../testing/seats/under-test.ts';

describeReal('redis-server', 'seats on a Redis Cluster', () => {
  seatsContract(async () => underTest(await clusterBackend()));
});
