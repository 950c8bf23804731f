import * as z from 'zod/mini';
import {
  about,
  choice,
  decimalNumber,
  optional,
  wholeNumber,
  withDefault,
} from '../../clients/command-line/options.ts';
import { REDIS_ENGINES } from '../redis-option.ts';
import type { AppendFsync } from './restarting.ts';

/** The shortest time that fits every kind of fault. */
const LEAST_MINUTES = 0.3;
const MOST_MINUTES = 24 * 60;

export const CHAOS_OPTIONS = z
  .object({
    minutes: about(
      'minutes of faults in each run; the run takes about a minute longer',
      withDefault(decimalNumber(LEAST_MINUTES, MOST_MINUTES), 3),
    ),
    appendfsync: about(
      'when Redis writes to disk; "both" makes one run after the other',
      withDefault(choice(['always', 'everysec', 'both']), 'both'),
    ),
    clients: about(
      'at least three for each license; two of three share a machine, and there is one seat fewer than machines',
      withDefault(wholeNumber(3, 10_000), 200),
    ),
    licenses: withDefault(wholeNumber(1, 1_000), 50),
    redis: about('how functions reach Redis', withDefault(choice(REDIS_ENGINES), 'protocol')),
    seed: about(
      'seed of an earlier run, for the same faults and choices',
      optional(wholeNumber(0, Number.MAX_SAFE_INTEGER)),
    ),
  })
  .check(
    z.refine(({ clients, licenses }) => clients >= 3 * licenses, {
      path: ['clients'],
      error: 'needs at least three for each license',
    }),
  );

export function modesOf(appendfsync: AppendFsync | 'both'): readonly AppendFsync[] {
  return appendfsync === 'both' ? ['always', 'everysec'] : [appendfsync];
}
