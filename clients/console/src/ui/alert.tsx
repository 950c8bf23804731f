import type { ComponentChildren } from 'preact';
import type { Problem } from '../problem.ts';

/** What went wrong, read out at once. */
export function Alert({ problem }: { readonly problem: Problem }) {
  return (
    <div class="notice bad" role="alert">
      <p>{problem.message}</p>
      {problem.requestId !== undefined && (
        <p class="quiet small">
          If it goes on, ask for help and name the request <code>{problem.requestId}</code>.
        </p>
      )}
    </div>
  );
}

interface NoticeProps {
  readonly tone?: 'good' | 'warn' | 'bad' | 'plain';
  readonly children: ComponentChildren;
}

/** Something worth knowing that is part of the page. */
export function Notice({ tone = 'plain', children }: NoticeProps) {
  return <div class={`notice ${tone}`}>{children}</div>;
}
