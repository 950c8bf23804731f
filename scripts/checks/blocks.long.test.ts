import { describeReal } from '../../shared/testing/real-parts.ts';
import { pastedBlocks } from './pasted-blocks.ts';

for (const page of ['README.md', 'clients/docs/billing.md', 'clients/docs/tour.md']) {
  pastedBlocks(page, 'bash');
  describeReal('zsh', 'with zsh', () => pastedBlocks(page, 'zsh'));
}
