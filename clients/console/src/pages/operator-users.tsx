import { useState } from 'preact/hooks';
import type { User } from '../../../sdk/src/api.ts';
import { useConsole } from '../console.ts';
import { EraseDialog } from '../privacy/erase-dialog.tsx';
import { useQueryValue } from '../router.ts';
import { Button } from '../ui/button.tsx';
import { KeepFocus } from '../ui/keep-focus.tsx';
import { Moment } from '../ui/moment.tsx';
import { Page } from '../ui/page.tsx';
import { Paged } from '../ui/paged.tsx';
import { Table } from '../ui/table.tsx';
import { usePages } from '../ui/use-pages.ts';

const NO_NAMES: ReadonlyMap<string, string> = new Map();

export function OperatorUsersPage() {
  const { call } = useConsole();
  const [email, setEmail] = useQueryValue('email');
  const [typed, setTyped] = useState(email);
  const [erasing, setErasing] = useState<User>();
  const users = usePages(
    async (cursor, signal) => {
      const query = { ...(email !== '' && { email }), ...cursor };
      const page = await call('usersList', { query, signal });
      return { rows: page.users, nextCursor: page.next_cursor };
    },
    [call, email],
  );
  return (
    <Page title="Users" of="Operator">
      <form
        class="row-form filter"
        aria-label="Find a user"
        onSubmit={(event) => {
          event.preventDefault();
          setEmail(typed.trim().toLowerCase());
        }}
      >
        <label class="wide">
          E-mail address
          <input
            type="email"
            autocomplete="off"
            placeholder="All users"
            value={typed}
            onInput={({ currentTarget }) => setTyped(currentTarget.value)}
          />
        </label>
        <Button type="submit" kind="primary">
          Find user
        </Button>
      </form>
      <Paged
        of={users}
        empty={
          <div class="empty">
            <p>
              {email === ''
                ? 'No users yet. They appear here after their first sign-in.'
                : `No user has the address ${email}. Check its spelling, or clear it to see all users.`}
            </p>
          </div>
        }
        render={(rows) => (
          <KeepFocus>
            <Table caption="Users" columns={['User', 'ID', 'First sign-in', 'Last sign-in']} buttons="Action">
              {rows.map((user) => (
                <tr key={user.user_id}>
                  <th scope="row">
                    {user.name || user.email}
                    {user.name !== '' && <span class="second-line">{user.email}</span>}
                  </th>
                  <td data-label="ID">
                    <code>{user.user_id}</code>
                  </td>
                  <td data-label="First sign-in">
                    <Moment at={user.created_at} />
                  </td>
                  <td data-label="Last sign-in">
                    <Moment at={user.last_sign_in_at} />
                  </td>
                  <td class="actions">
                    <Button small label={`Delete data: ${user.email}`} onClick={() => setErasing(user)}>
                      Delete data
                    </Button>
                  </td>
                </tr>
              ))}
            </Table>
          </KeepFocus>
        )}
      />
      {erasing && (
        <EraseDialog
          target={{
            body: { user_id: erasing.user_id },
            title: `Delete the data of ${erasing.email}?`,
            name: erasing.email,
            tenantNames: NO_NAMES,
          }}
          onErased={() => {
            setErasing(undefined);
            users.load.again();
          }}
          onClose={() => setErasing(undefined)}
        />
      )}
    </Page>
  );
}
