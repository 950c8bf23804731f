import * as z from 'zod/mini';
import { option } from '../clients/command-line/options.ts';
import { isStack } from '../infra/stack-file.ts';

const NEEDS_STACK = 'needs the name of a stack with settings in infra/Pulumi.STACK.yaml';

/** The option `--stack`. */
export const STACK = option('STACK', z.string(NEEDS_STACK).check(z.refine(isStack, NEEDS_STACK)));
