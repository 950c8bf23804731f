import type { DeployPlan, Step } from './plan.ts';

export interface Terminal {
  /** Runs the command of a step with its output on the terminal. Returns its exit code. */
  run(step: Step): Promise<number>;
  /** Asks the user, who has seen the plan, whether to apply it. */
  confirms(): Promise<boolean>;
  print(line: string): void;
}

export type Outcome = 'DONE' | 'PLANNED' | 'DECLINED' | 'FAILED';

/** Shows the plan, asks, and applies it. The first failed step ends it; a second run continues from there. */
export async function deploy(
  { before, after }: DeployPlan,
  { planOnly }: { readonly planOnly: boolean },
  { run, confirms, print }: Terminal,
): Promise<Outcome> {
  const all = async (steps: readonly Step[]): Promise<boolean> => {
    for (const step of steps) {
      const { name, command } = step;
      print(`== ${name}: ${command.join(' ')}`);
      const code = await run(step);
      if (code === 0) continue;
      print(`${name} ended with ${code}. Later steps were not run. Fix the problem and run this again.`);
      return false;
    }
    return true;
  };
  if (!(await all(before))) return 'FAILED';
  print('Next steps:');
  for (const { name, command } of after) print(`   ${name}: ${command.join(' ')}`);
  if (planOnly) return 'PLANNED';
  if (!(await confirms())) return 'DECLINED';
  return (await all(after)) ? 'DONE' : 'FAILED';
}
