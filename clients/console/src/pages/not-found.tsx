import { BASE } from '../router.ts';
import { Page } from '../ui/page.tsx';

export function NotFoundPage() {
  return (
    <Page title="Page not found">
      <p>
        This page does not exist, or you cannot open it. <a href={`${BASE}/`}>Go to the start page</a>
      </p>
    </Page>
  );
}
