import * as z from 'zod/mini';
import {
  about,
  choice,
  flag,
  optional,
  wholeNumber,
  withDefault,
} from '../../clients/command-line/options.ts';

/** Folders whose code is mutated. */
export const MUTATED_ROOMS = [
  'functions',
  'shared/domain',
  'shared/http',
  'shared/use-cases',
  'shared/adapters/seats/lua',
] as const;
export type MutatedRoom = (typeof MUTATED_ROOMS)[number];

export const MUTANT_OPTIONS = z.object({
  sample: about('number of mutants', withDefault(wholeNumber(1, 10_000), 20)),
  seed: about(
    'seed of an earlier run, for the same sample',
    optional(wholeNumber(0, Number.MAX_SAFE_INTEGER)),
  ),
  room: about('mutates only this folder', optional(choice(MUTATED_ROOMS))),
  near: about('runs only the nearest tests: faster, and shows what is not tested near its code', flag()),
  timeout: about('seconds that the tests of a mutant may take', withDefault(wholeNumber(10, 3_600), 600)),
});
