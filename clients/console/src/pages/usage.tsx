import type { TenantPageProps } from '../pages.ts';
import { Page } from '../ui/page.tsx';

export function UsagePage({ tenant }: TenantPageProps) {
  return (
    <Page title="Usage" of={tenant.name}>
      <p>Under way.</p>
    </Page>
  );
}
