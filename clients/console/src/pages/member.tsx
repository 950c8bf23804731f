import { Page } from '../ui/page.tsx';
import type { TenantPageProps } from '../viewer.ts';

/** For those who take seats and do not look after them. */
export function MemberPage({ tenant }: TenantPageProps) {
  return (
    <Page title={tenant.name} of={undefined}>
      <p>
        You are a member: your programs can take seats of {tenant.name}. Who holds them is shown to its
        admins. If you should be one, ask its owner.
      </p>
    </Page>
  );
}
