import { BASE } from '../router.ts';
import { Page } from '../ui/page.tsx';

export function NotFoundPage() {
  return (
    <Page title="Nothing here">
      <p>
        There is no such page, or it is not for you. <a href={`${BASE}/`}>Go to the beginning</a>
      </p>
    </Page>
  );
}
