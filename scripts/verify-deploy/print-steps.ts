import type { Target } from '../../clients/admin/src/target.ts';
import { type StoryOptions, story } from './story.ts';

/**
 * Runs the story, telling each step with `say`, and gives whether all went well. After a step that fails only the last
 * is run, which leaves nothing behind that seats anybody.
 */
export async function tell(
  target: Target,
  say: (line: string) => void,
  options: StoryOptions,
): Promise<boolean> {
  const steps = story(target, options);
  let isWell = true;
  for (const [i, { name, run }] of steps.entries()) {
    if (!isWell && i < steps.length - 1) {
      say(`      ${name}`);
      continue;
    }
    try {
      await run();
      say(`  ok  ${name}`);
    } catch (error) {
      isWell = false;
      say(`FAIL  ${name}`);
      say(`      ${error instanceof Error ? error.message : error}`);
    }
  }
  say(isWell ? 'The suite works.' : 'The suite does not work as it should.');
  return isWell;
}
