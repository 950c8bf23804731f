import type { TenantPageProps } from '../pages.ts';
import { Page } from '../ui/page.tsx';

export function SeatsPage({ tenant }: TenantPageProps) {
  return (
    <Page title="Seats" of={tenant.name}>
      <p>Under way.</p>
    </Page>
  );
}
