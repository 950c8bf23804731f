import * as z from 'zod/mini';
import { ROLES } from '../../../shared/domain/authorization.ts';
import { MAX_SEATS } from '../../../shared/domain/license.ts';
import {
  EmailAddress,
  InvitationId,
  LicenseId,
  OperatorTokenId,
  SessionId,
  TenantId,
  text,
  UserId,
} from '../../../shared/http/fields.ts';
import { choice, option, wholeNumber, withDefault } from '../../command-line/options.ts';

export const Tenant = option('TENANT', textOf(TenantId, 'needs the id of a tenant (ten_…)'));
export const User = option('USER', textOf(UserId, 'needs the id of a user (usr_…)'));
export const Invitation = option('INVITATION', textOf(InvitationId, 'needs the id of an invitation (inv_…)'));
export const OperatorToken = option(
  'TOKEN',
  textOf(OperatorTokenId, 'needs the id of an operator token (opt_…)'),
);
export const License = option('LICENSE', textOf(LicenseId, 'needs the id of a license (lic_…)'));
export const Session = option('SESSION', textOf(SessionId, 'needs the id of a session (ses_…)'));
export const Email = option('E-MAIL', textOf(EmailAddress, 'needs an e-mail address'));
export const Name = option('NAME', textOf(text(100), 'needs a name of 1 to 100 characters'));
export const Domain = option(
  'DOMAIN',
  z.string('needs a domain').check(z.regex(/^[a-z0-9.-]+$/, 'needs a domain')),
);
export const Time = option(
  'TIME',
  textOf(z.iso.datetime({ offset: true }), 'needs a time such as 2027-01-15T08:00:00Z'),
);
export const Role = choice(ROLES);
export const Seats = wholeNumber(0, MAX_SEATS);
/** Maximum number of rows of a list. */
export const Limit = withDefault(wholeNumber(1, 10_000), 100);

/** Text that a field of the API accepts. Uses the message `needs`, because the field's own messages are about JSON. */
export function textOf(field: z.ZodMiniType, needs: string) {
  return z.string(needs).check(z.refine((value) => z.safeParse(field, value).success, needs));
}
