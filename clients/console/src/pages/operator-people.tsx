import { useState } from 'preact/hooks';
import { useConsole } from '../console.ts';
import { Button } from '../ui/button.tsx';
import { Moment } from '../ui/moment.tsx';
import { Page } from '../ui/page.tsx';
import { Paged } from '../ui/paged.tsx';
import { usePages } from '../ui/use-pages.ts';

export function OperatorPeoplePage() {
  const { call } = useConsole();
  const [typed, setTyped] = useState('');
  const [email, setEmail] = useState('');
  const people = usePages(
    async (cursor, signal) => {
      const query = { ...(email !== '' && { email }), ...cursor };
      const page = await call('usersList', { query, signal });
      return { rows: page.users, nextCursor: page.next_cursor };
    },
    [call, email],
  );
  return (
    <Page title="People">
      <form
        class="inline-field search-form"
        onSubmit={(event) => {
          event.preventDefault();
          setEmail(typed.trim().toLowerCase());
        }}
      >
        <label class="inline-field">
          E-mail address
          <input type="email" value={typed} onInput={({ currentTarget }) => setTyped(currentTarget.value)} />
        </label>
        <Button type="submit">Find</Button>
      </form>
      <Paged
        of={people}
        empty={
          <div class="empty">
            <h2>Nobody</h2>
            <p>{email === '' ? 'Nobody has signed in yet.' : `Nobody has signed in as ${email}.`}</p>
          </div>
        }
        render={(users) => (
          <div class="table-frame">
            <table class="cards">
              <caption class="sr-only">People, the newest first</caption>
              <thead>
                <tr>
                  <th scope="col">Name</th>
                  <th scope="col">Address</th>
                  <th scope="col">Id</th>
                  <th scope="col">Last here</th>
                </tr>
              </thead>
              <tbody>
                {users.map(({ user_id, name, email: address, last_sign_in_at }) => (
                  <tr key={user_id}>
                    <th scope="row">{name}</th>
                    <td data-label="Address">{address}</td>
                    <td data-label="Id">
                      <code>{user_id}</code>
                    </td>
                    <td data-label="Last here">
                      <Moment at={last_sign_in_at} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      />
    </Page>
  );
}
