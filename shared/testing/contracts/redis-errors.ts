/** Errors of Redis that say that it cannot serve now: `Unavailable` on every engine. */
export const CANNOT_SERVE = [
  'LOADING Redis is loading the dataset in memory',
  "READONLY You can't write against a read only replica.",
  "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
  'BUSY Redis is busy running a script.',
  "OOM command not allowed when used memory > 'maxmemory'. script: f00, on @user_script:1.",
  'CLUSTERDOWN The cluster is down',
  'TRYAGAIN Multiple keys request during rehashing of slot',
  'NOAUTH Authentication required.',
  'ERR Error running script (call to f_0): @user_script:3: @user_script: 3: -OOM command not allowed',
  'ERR max daily request limit exceeded. Limit: 10000, Usage: 10001.',
  'ERR max requests limit exceeded. Limit: 500000, Usage: 500000.',
  'WRONGPASS invalid or missing auth token',
];

/** Errors of Redis about the command: `RedisError` on every engine. */
export const ABOUT_THE_COMMAND = [
  'NOSCRIPT No matching script.',
  'BUSYGROUP Consumer Group name already exists',
  'BUSYKEY Target key name already exists.',
  'WRONGTYPE Operation against a key holding the wrong kind of value',
  'ERR wrong number of arguments, LOADING is no command',
];
