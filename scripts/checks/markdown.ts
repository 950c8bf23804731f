import GithubSlugger from 'github-slugger';

export interface CodeBlock {
  /** Empty if the fence names no language. */
  readonly language: string;
  readonly code: string;
}

/** The fenced code blocks of a Markdown page, in order, without indentation of the fence. */
export function codeBlocksOf(page: string): CodeBlock[] {
  return [...page.matchAll(/^( *)```(\w*)\n(.*?)^ *```$/gms)].map(
    ([, indent = '', language = '', code = '']) => ({
      language,
      code: code.replaceAll(new RegExp(`^${indent}`, 'gm'), '').trim(),
    }),
  );
}

export function shellBlocksOf(page: string): string[] {
  return codeBlocksOf(page).flatMap(({ language, code }) => (language === 'sh' ? [code] : []));
}

/** Targets of links and images outside code blocks. */
export function linksOf(page: string): string[] {
  const prose = withoutCode(page);
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g), ...prose.matchAll(/(?:src|href)="([^"]+)"/g)].map(
    ([, target = '']) => target,
  );
}

/** The anchors that GitHub derives from the headings of `page`: the part after `#` in a link. */
export function anchorsOf(page: string): Set<string> {
  const slugger = new GithubSlugger();
  return new Set(
    [...withoutCode(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
      slugger.slug(heading.replaceAll(/[`*]|\[|\]\([^)]*\)/g, '')),
    ),
  );
}

function withoutCode(page: string): string {
  return page.replaceAll(/^ *```.*?^ *```$/gms, '');
}
