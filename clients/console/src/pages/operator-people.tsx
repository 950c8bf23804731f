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

export function OperatorPeoplePage() {
  const { call } = useConsole();
  const [email, setEmail] = useQueryValue('email');
  const [typed, setTyped] = useState(email);
  const [erasing, setErasing] = useState<User>();
  const people = usePages(
    async (cursor, signal) => {
      const query = { ...(email !== '' && { email }), ...cursor };
      const page = await call('usersList', { query, signal });
      return { rows: page.users, nextCursor: page.next_cursor };
    },
    [call, email],
  );
  return (
    <Page title="People" of="Operator">
      <form
        class="row-form filter"
        aria-label="Find"
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
            placeholder="Everybody"
            value={typed}
            onInput={({ currentTarget }) => setTyped(currentTarget.value)}
          />
        </label>
        <Button type="submit" kind="primary">
          Find
        </Button>
      </form>
      <Paged
        of={people}
        empty={
          <div class="empty">
            <p>{email === '' ? 'Nobody has signed in yet.' : `Nobody has the address ${email}.`}</p>
          </div>
        }
        render={(users) => (
          <KeepFocus>
            <Table
              caption="People who have signed in"
              columns={['Person', 'Id', 'First here', 'Last signed in']}
              buttons="Action"
            >
              {users.map((user) => (
                <tr key={user.user_id}>
                  <th scope="row">
                    {user.name || user.email}
                    {user.name !== '' && <span class="second-line">{user.email}</span>}
                  </th>
                  <td data-label="Id">
                    <code>{user.user_id}</code>
                  </td>
                  <td data-label="First here">
                    <Moment at={user.created_at} />
                  </td>
                  <td data-label="Last">
                    <Moment at={user.last_sign_in_at} />
                  </td>
                  <td class="actions">
                    <Button small label={`Delete their data: ${user.email}`} onClick={() => setErasing(user)}>
                      Delete their data
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
            people.load.again();
          }}
          onClose={() => setErasing(undefined)}
        />
      )}
    </Page>
  );
}
