import type { StackSettings } from '../../infra/settings.ts';
import type { FunctionContract } from '../../shared/http/contract.ts';
import type { SecretName } from '../../shared/settings.ts';
import { type Answer, type Answers, NoAnswer, type Question } from './answers.ts';
import { type Finding, unknown, type Verdict } from './finding.ts';
import { type AskGoogle, googleAsker } from './google.ts';

/** What the checks know about the stack. */
export interface Stack {
  readonly name: string;
  readonly settings: StackSettings;
  readonly manifest: readonly FunctionContract[];
  /** Whether any function of the suite exists in the project. */
  readonly isDeployed: boolean;
  /** Why it is not known whether any exists. */
  readonly whyUnknown?: NoAnswer;
  /** The secrets of the project, or why one cannot be read. Absent if the operator does not let this program read them. */
  readonly readable?: ReadonlyMap<SecretName, SecretValue> | undefined;
  /** A setting that the checks may use: from the environment, or a secret that the operator lets this program read. */
  readonly given: (name: GivenName) => string | undefined;
  readonly now: () => number;
}

/** The text of a secret, or why it cannot be read. */
export type SecretValue = string | NoAnswer;

export type GivenName = SecretName | 'UPSTASH_EMAIL' | 'UPSTASH_API_KEY';

/** How a check asks. */
export interface Asking {
  readonly google: AskGoogle;
  /** Asks anyone else. Throws `NoAnswer` if there is no answer. */
  readonly other: (question: Question) => Promise<Answer>;
}

export interface Check {
  readonly name: string;
  /** Throws `NoAnswer` if the question has no useful answer. */
  run(ask: Asking): Promise<Verdict[]>;
}

export interface Area {
  readonly name: string;
  checksOf(stack: Stack): Check[];
}

/** A check with nothing to ask. */
export function settled(name: string, verdict: Verdict): Check {
  return { name, run: async () => [verdict] };
}

export interface Runner {
  readonly answers: Answers;
  /** Of the operator, for Google. */
  readonly accessToken: string;
  /** How long one check may take. */
  readonly deadlineMs: number;
}

/** Runs the checks of an area at the same time. One that cannot be answered does not stop the others. */
export async function runArea(area: Area, stack: Stack, runner: Runner): Promise<Finding[]> {
  const results = await Promise.all(
    area.checksOf(stack).map(async ({ name, run }) => {
      const verdicts = await verdictsOf(run, stack, runner);
      return verdicts.map((verdict) => ({ area: area.name, check: name, ...verdict }));
    }),
  );
  return results.flat();
}

async function verdictsOf(
  run: Check['run'],
  { settings }: Stack,
  { answers, accessToken, deadlineMs }: Runner,
): Promise<Verdict[]> {
  const deadline = AbortSignal.timeout(deadlineMs);
  try {
    return await run({
      google: googleAsker(answers, accessToken, settings.project, deadline),
      other: (question) => answers(question, deadline),
    });
  } catch (error) {
    if (error instanceof NoAnswer) return [error.verdict];
    if (deadline.aborted)
      return [unknown(`There was no answer within ${deadlineMs / 1000} s.`, 'Run this again.')];
    throw error;
  }
}
