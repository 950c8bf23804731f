import { Page } from '../ui/page.tsx';

/** For somebody who belongs to nothing yet. */
export function WelcomePage() {
  return (
    <Page title="Welcome">
      <p>You do not belong to a tenant yet. Once somebody has invited you, sign in again.</p>
    </Page>
  );
}
