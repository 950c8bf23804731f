/** How functions reach Redis in a lab: Upstash's REST API, or the Redis protocol. */
export const REDIS_ENGINES = ['upstash', 'protocol'] as const;
export type Engine = (typeof REDIS_ENGINES)[number];
