import type { TenantPageProps } from '../pages.ts';
import { Page } from '../ui/page.tsx';

export function LicensesPage({ tenant }: TenantPageProps) {
  return (
    <Page title="Licenses" of={tenant.name}>
      <p>Under way.</p>
    </Page>
  );
}
