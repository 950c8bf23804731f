import type { DeployPlan, Step } from './plan.ts';

export interface Hands {
  /** Runs a command where the user sees it; gives its exit code. */
  run(command: Step['command']): Promise<number>;
  /** Whether the user, who has seen the plan, wants it done. */
  agrees(): Promise<boolean>;
  say(line: string): void;
}

export type Outcome = 'DONE' | 'PLANNED' | 'DECLINED' | 'FAILED';

/** Shows what would be done, asks, and does it. The first step that fails ends it: run again, it goes on from there. */
export async function deploy(
  { before, after }: DeployPlan,
  { planOnly }: { readonly planOnly: boolean },
  { run, agrees, say }: Hands,
): Promise<Outcome> {
  const all = async (steps: readonly Step[]): Promise<boolean> => {
    for (const { name, command } of steps) {
      say(`== ${name}: ${command.join(' ')}`);
      const code = await run(command);
      if (code === 0) continue;
      say(`${name} ended with ${code}. Nothing after it was done; put it right and run this again.`);
      return false;
    }
    return true;
  };
  if (!(await all(before))) return 'FAILED';
  say('To be done now:');
  for (const { name, command } of after) say(`   ${name}: ${command.join(' ')}`);
  if (planOnly) return 'PLANNED';
  if (!(await agrees())) return 'DECLINED';
  return (await all(after)) ? 'DONE' : 'FAILED';
}
