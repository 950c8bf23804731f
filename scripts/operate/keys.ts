import * as z from 'zod/mini';
import { CommandError } from '../../clients/command-line/errors.ts';
import { flag, option } from '../../clients/command-line/options.ts';
import { type Command, defineCommand, EXIT } from '../../clients/command-line/program.ts';
import { disabling, nextStep, signingOne } from '../../shared/domain/key-rotation.ts';
import type { KeyVersion } from '../../shared/ports/signing-keys.ts';
import { formatVersions, reportDisabling, reportStep, toJson, warnIfNothingSigns } from './keys-report.ts';
import type { OperateParts } from './parts.ts';

const NEEDS_NUMBER = 'needs the number of a version';

export const KEYS_COMMANDS: readonly Command<OperateParts>[] = [
  defineCommand('keys list', {
    summary: 'Lists the versions of the key that licenses are signed with.',
    options: z.object({}),
    async run(_, { withKeys }) {
      const versions = await withKeys((keys) => keys.versions());
      return {
        exit: healthOf(versions),
        text: [...formatVersions(versions), ...warnIfNothingSigns(versions)].join('\n'),
        json: { versions: versions.map(toJson) },
      };
    },
  }),
  defineCommand('keys rotate', {
    summary:
      'Shows the next step of a key rotation. With --apply, creates the new version if that is the step. With --compromised, skips the waiting.',
    options: z.object({ apply: flag(), compromised: flag() }),
    async run({ apply, compromised }, { withKeys, nowMs }) {
      return withKeys(async (keys) => {
        const versions = await keys.versions();
        const step = nextStep(versions, nowMs(), compromised);
        const created = apply && step.step === 'create' ? await keys.create() : undefined;
        const { lines, json } = reportStep(step, versions, created);
        return {
          exit: healthOf(versions),
          text: [...lines, ...warnIfNothingSigns(versions)].join('\n'),
          json: { step: step.step, applied: created !== undefined, ...json },
        };
      });
    },
  }),
  defineCommand('keys disable', {
    summary:
      'Shows what breaks if a version is disabled. With --apply, disables it. The version that signs needs --compromised.',
    options: z.object({
      version: option('NUMBER', z.string(NEEDS_NUMBER).check(z.regex(/^[1-9]\d{0,8}$/, NEEDS_NUMBER))),
      apply: flag(),
      compromised: flag(),
    }),
    async run({ version: number, apply, compromised }, { withKeys }) {
      return withKeys(async (keys) => {
        const found = disabling(await keys.versions(), Number(number));
        if (found.verdict === 'UNKNOWN') throw new CommandError(`The key has no version ${number}.`);
        if (found.verdict === 'SIGNS' && !compromised) {
          throw new CommandError(
            `Version ${number} signs: without it no license can be signed. Rotate first (keys rotate), or add --compromised if the key is compromised.`,
          );
        }
        const isApplied = apply && found.verdict !== 'OUT_OF_USE';
        if (isApplied) await keys.disable(found.version.name);
        const { lines, json } = reportDisabling(found, isApplied);
        return { exit: EXIT.ok, text: lines.join('\n'), json };
      });
    },
  }),
];

function healthOf(versions: readonly KeyVersion[]) {
  return signingOne(versions) ? EXIT.ok : EXIT.problem;
}
