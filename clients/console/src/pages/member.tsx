import { Page } from '../ui/page.tsx';
import type { TenantPageProps } from '../viewer.ts';

/** For members, who can use seats but not manage them. */
export function MemberPage({ tenant }: TenantPageProps) {
  return (
    <Page title={tenant.name} of={undefined}>
      <p>
        You are a member: your programs can use seats of {tenant.name}. Only admins can see and manage seats
        here. To become an admin, ask the owner.
      </p>
    </Page>
  );
}
