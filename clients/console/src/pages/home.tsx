import { Page } from '../ui/page.tsx';

/** For users without a tenant. */
export function WelcomePage() {
  return (
    <Page title="Welcome">
      <p>
        You are not a member of a tenant yet. Ask an admin of the tenant to invite you, then reload this page
        and accept the invitation.
      </p>
    </Page>
  );
}
