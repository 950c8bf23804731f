import type { Target } from '../../clients/admin/src/target.ts';
import { type StoryOptions, story } from './story.ts';

/**
 * Runs the story, prints each step, and returns whether all succeeded. After a failed step, only the last one still
 * runs: it suspends the license.
 */
export async function printSteps(
  target: Target,
  print: (line: string) => void,
  options: StoryOptions,
): Promise<boolean> {
  const steps = story(target, options);
  let hasPassed = true;
  for (const [i, { name, run }] of steps.entries()) {
    if (!hasPassed && i < steps.length - 1) {
      print(`      ${name}`);
      continue;
    }
    try {
      await run();
      print(`  ok  ${name}`);
    } catch (error) {
      hasPassed = false;
      print(`FAIL  ${name}`);
      print(`      ${error instanceof Error ? error.message : error}`);
    }
  }
  print(hasPassed ? 'The suite works.' : 'The suite does not work correctly.');
  return hasPassed;
}
