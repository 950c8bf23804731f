import { runArea } from '../check.ts';
import { AREAS } from '../run.ts';
import { answersOf, casesOf, replay, stackOf } from './recorded.ts';
import { loadedScripts } from './scripts.ts';

/** Every `gcloud` command in the cures of the recorded cases. */
export async function curingCommands(): Promise<readonly string[]> {
  const cures = await Promise.all(
    AREAS.flatMap((area) =>
      casesOf(area.name).map(async ({ stack, answers }) => {
        const runner = {
          answers: loadedScripts(replay(answersOf(area.name, answers))),
          accessToken: 'the-access-token',
          deadlineMs: 5_000,
        };
        return (await runArea(area, stackOf(stack), runner)).flatMap(({ cure = '' }) => cure);
      }),
    ),
  );
  const commands = cures.flat().flatMap((cure) => cure.match(/gcloud [^,;]+/g) ?? []);
  return [...new Set(commands.map((command) => command.trim()))];
}
