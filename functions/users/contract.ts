import * as z from 'zod/mini';
import { accessOf, ROLES } from '../../shared/domain/authorization.ts';
import { defineFunction } from '../../shared/http/contract.ts';
import { EmailAddress, PAGING, TenantId, Timestamp, UserId } from '../../shared/http/fields.ts';

const UserView = {
  user_id: UserId,
  email: z.string(),
  name: z.string(),
  created_at: Timestamp,
  last_sign_in_at: Timestamp,
};

const Me = z.strictObject({
  ...UserView,
  is_operator: z.boolean(),
  tenants: z.array(z.strictObject({ tenant_id: TenantId, name: z.string(), role: z.enum(ROLES) })),
});

const User = z.strictObject(UserView);

const UserPage = z.strictObject({
  users: z.array(User),
  next_cursor: z.nullable(z.string()),
});

export default defineFunction({
  name: 'users',
  summary: 'Returns the signed-in user, and lists users for operators.',
  memoryMiB: 256,
  concurrency: 80,
  maxInstances: 10,
  timeoutSeconds: 30,
  roles: ['roles/datastore.user'],
  uses: ['records', 'operators'],
  endpoints: {
    me: {
      method: 'GET',
      path: '/api/v1/users/me',
      summary: 'Get the signed-in user.',
      description: 'Includes the role that the user has in each of their tenants.',
      auth: accessOf('users.me'),
      answers: {
        me: {
          status: 200,
          description: 'The user.',
          body: Me,
        },
      },
      problems: ['USER_NOT_FOUND'],
    },
    list: {
      method: 'GET',
      path: '/api/v1/users',
      summary: 'List users.',
      description: 'Returns users, newest first. With `email`, it returns only users with that address.',
      auth: accessOf('users.list'),
      query: z.strictObject({
        email: z.optional(EmailAddress),
        ...PAGING,
      }),
      answers: {
        users: {
          status: 200,
          description: 'One page of users.',
          body: UserPage,
        },
      },
      problems: ['INVALID_CURSOR'],
    },
  },
});
