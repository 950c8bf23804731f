import * as z from 'zod/mini';
import { ROLES } from '../../../shared/domain/authorization.ts';
import { MOST_SEATS } from '../../../shared/domain/license.ts';
import {
  EmailAddress,
  InvitationId,
  LicenseId,
  SessionId,
  TenantId,
  text,
  UserId,
} from '../../../shared/http/fields.ts';

/** How `parseArgs` reads an option. */
export interface ParsedAs {
  readonly type: 'string' | 'boolean';
}

/** What stands for an option's value in the usage; a flag has none. */
const usage = z.registry<{ readonly value?: string }>();

export const Flag = z._default(z.boolean(), false).register(usage, {});

export const Tenant = option('TENANT', fitting(TenantId, 'needs the id of a tenant (ten_…)'));
export const User = option('USER', fitting(UserId, 'needs the id of a user (usr_…)'));
export const Invitation = option(
  'INVITATION',
  fitting(InvitationId, 'needs the id of an invitation (inv_…)'),
);
export const License = option('LICENSE', fitting(LicenseId, 'needs the id of a license (lic_…)'));
export const Session = option('SESSION', fitting(SessionId, 'needs the id of a session (ses_…)'));
export const Email = option('E-MAIL', fitting(EmailAddress, 'needs an e-mail address'));
export const Name = option('NAME', fitting(text(100), 'needs a name of 1 to 100 characters'));
export const Role = choice(ROLES);
export const Seats = wholeNumber(0, MOST_SEATS);
/** How many rows a list shows. */
export const Limit = option('N', z._default(wholeNumber(1, 10_000), 100));

/** An option that has a value, which the usage calls `value`. */
export function option<S extends z.ZodMiniType>(value: string, schema: S): S {
  usage.add(schema, { value });
  return schema;
}

/** The same option, where it may be left out. */
export function maybe<S extends z.ZodMiniType>(schema: S): z.ZodMiniOptional<S> {
  const optional = z.optional(schema);
  usage.add(optional, { ...usage.get(schema) });
  return optional;
}

export function choice<const C extends readonly string[]>(choices: C) {
  return option(choices.join('|'), z.enum(choices, `needs one of ${choices.join(', ')}`));
}

export function wholeNumber(least: number, most: number) {
  const needs = `needs a whole number from ${least} to ${most}`;
  return option(
    'N',
    z.pipe(
      z
        .string(needs)
        .check(
          z.refine(
            (digits) => /^\d{1,9}$/.test(digits) && Number(digits) >= least && Number(digits) <= most,
            needs,
          ),
        ),
      z.transform(Number),
    ),
  );
}

/** Text that a field of the API takes. What the field says of other text means a JSON body; `needs` means the option. */
function fitting(field: z.ZodMiniType, needs: string) {
  return z.string(needs).check(z.refine((value) => z.safeParse(field, value).success, needs));
}

/** How the options of a command are parsed, and how its usage shows them. */
export function describeOptions(asked: z.ZodMiniObject): {
  readonly options: Readonly<Record<string, ParsedAs>>;
  readonly synopsis: string;
} {
  const described = Object.entries<z.core.$ZodType>(asked.shape).map(([name, schema]) => {
    const shown = usage.get(schema);
    if (!shown) throw new TypeError(`The usage does not know what to show for --${name}.`);
    const isFlag = shown.value === undefined;
    const words = isFlag ? `--${name}` : `--${name} ${shown.value}`;
    const mayBeLeftOut = z.safeParse(schema, undefined).success;
    const parsedAs: ParsedAs = { type: isFlag ? 'boolean' : 'string' };
    return { name, parsedAs, words: mayBeLeftOut ? `[${words}]` : words };
  });
  return {
    options: Object.fromEntries(described.map(({ name, parsedAs }) => [name, parsedAs])),
    synopsis: described.map(({ words }) => words).join(' '),
  };
}
