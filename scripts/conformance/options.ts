import * as z from 'zod/mini';
import {
  about,
  choice,
  flag,
  option,
  optional,
  wholeNumber,
  withDefault,
} from '../../clients/command-line/options.ts';

const text = z.string().check(z.minLength(1, 'needs a value'));

export const CONFORMANCE_OPTIONS = z
  .object({
    client: about('command that starts the client', optional(option('COMMAND', text))),
    kind: about(
      'agent: it speaks the agent protocol of clients/docs/protocol.md; run: it holds a seat while the program after "--" runs',
      withDefault(choice(['agent', 'run']), 'agent'),
    ),
    only: about(
      'scenarios whose id begins so, such as P6 or P6/huge; several with commas',
      optional(option('ID', text)),
    ),
    without: about('leaves out what the client does not offer', optional(choice(['offline', 'borrow']))),
    atOnce: about('scenarios at once', withDefault(wholeNumber(1, 64), 16)),
    list: about('lists the scenarios', flag()),
  })
  .check(
    z.refine(({ client, list }) => list || client !== undefined, {
      path: ['client'],
      error: 'is required: the command that starts the client',
    }),
  );
