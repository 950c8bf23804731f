import { useConsole } from '../console.ts';
import { PART_WORDS, type PartName, readHealth } from '../operator/health.ts';
import { Notice } from '../ui/alert.tsx';
import { Button } from '../ui/button.tsx';
import { Loaded } from '../ui/loaded.tsx';
import { Page } from '../ui/page.tsx';
import { useLoad } from '../ui/use-load.ts';

const PARTS: readonly PartName[] = ['seats', 'records', 'events', 'signing'];

export function OperatorHealthPage() {
  const { call } = useConsole();
  const health = useLoad((signal) => readHealth(call, signal), [call]);
  return (
    <Page
      title="Health"
      of="Operator"
      aside={
        <Button busy={health.isLoading} onClick={health.again}>
          Ask again
        </Button>
      }
    >
      <Loaded
        of={health}
        render={(finding) => (
          <>
            {PARTS.every((part) => finding[part] === 'ok') && (
              <Notice tone="good">
                <p>All parts serve.</p>
              </Notice>
            )}
            <ul class="rows">
              {PARTS.map((part) => (
                <li key={part} class="card row">
                  <div>
                    <strong>{PART_WORDS[part].name}</strong>
                    {finding[part] !== 'ok' && <p class="second-line">{PART_WORDS[part].without}</p>}
                  </div>
                  <span class={`badge ${finding[part] === 'ok' ? 'good' : 'bad'}`}>
                    {finding[part] === 'ok' ? 'Serves' : 'Away'}
                  </span>
                </li>
              ))}
            </ul>
          </>
        )}
      />
    </Page>
  );
}
