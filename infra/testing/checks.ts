import { ACCESS_CHECKS } from './checks/access.ts';
import { CALL_CHECKS } from './checks/calls.ts';
import { DATA_CHECKS } from './checks/data.ts';
import { FUNCTION_CHECKS } from './checks/functions.ts';
import { LOG_CHECKS } from './checks/logs.ts';
import { MONITORING_CHECKS } from './checks/monitoring.ts';
import { PROJECT_CHECKS } from './checks/project.ts';
import { REDIS_CHECKS } from './checks/redis.ts';

/**
 * The guarantees of the infrastructure, by name. They compute what is expected from the contracts, without the program's
 * own code.
 */
export const CHECKS = {
  ...FUNCTION_CHECKS,
  ...ACCESS_CHECKS,
  ...CALL_CHECKS,
  ...DATA_CHECKS,
  ...REDIS_CHECKS,
  ...PROJECT_CHECKS,
  ...MONITORING_CHECKS,
  ...LOG_CHECKS,
};

export type CheckName = keyof typeof CHECKS;
