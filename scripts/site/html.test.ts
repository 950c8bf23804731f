import { expect, test } from 'vitest';
import { html, inline, paragraphs } from './html.ts';

test('text is escaped, whatever it contains', () => {
  const text = `<script>"a" & 'b'</script>`;
  const escaped = '&#60;script&#62;&#34;a&#34; &#38; &#39;b&#39;&#60;/script&#62;';
  expect(html`<p title="${text}">${[text, html`<b>${text}</b>`]}${undefined}${false}</p>`.text).toBe(
    `<p title="${escaped}">${escaped}<b>${escaped}</b></p>`,
  );
  expect(inline(`\`${text}\` ${text}`).text).toBe(`<code>${escaped}</code> ${escaped}`);
});

test('a blank line begins a new paragraph', () => {
  expect(paragraphs('a\nb\n\n`c`').text).toBe('<p>a\nb</p><p><code>c</code></p>');
});
