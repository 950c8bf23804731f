import { type ESTree, parseSync, Visitor } from 'rolldown/utils';

/**
 * The titles of the tests in a source file. Those of `test.each` are filled with the values of its rows that are literals
 * in the file: `$name` with the row's property of that name, `%s` and `%i` with the row's values in order. If the file does
 * not have the rows, the title is as it is written.
 */
export function titlesOf(source: string): Set<string> {
  const { program, errors } = parseSync('a.test.ts', source);
  const [error] = errors;
  if (error) throw new Error(error.message);
  const titles = new Set<string>();
  const rows = new Map<string, ESTree.Expression>();
  new Visitor({
    VariableDeclarator({ id, init }) {
      if (id.type === 'Identifier' && init) rows.set(id.name, init);
    },
  }).visit(program);
  new Visitor({
    CallExpression({ callee, arguments: [title] }) {
      const text = title && literalOf(title);
      if (text === undefined) return;
      if (isTest(callee)) titles.add(text);
      if (callee.type !== 'CallExpression' || !isTest(callee.callee)) return;
      const [given] = callee.arguments;
      const table = given?.type === 'Identifier' ? rows.get(given.name) : given;
      const known = elementsOf(table);
      if (known.length === 0) titles.add(text);
      for (const row of known) titles.add(filled(text, row));
    },
  }).visit(program);
  return titles;
}

/** `test` and its variants, such as `test.each` and `test.skipIf(…)`. */
function isTest(callee: ESTree.Node): boolean {
  if (callee.type === 'MemberExpression') return isTest(callee.object);
  return callee.type === 'Identifier' && (callee.name === 'test' || callee.name === 'it');
}

function elementsOf(table: ESTree.Node | undefined): readonly ESTree.Node[] {
  if (table?.type === 'TSAsExpression') return elementsOf(table.expression);
  return table?.type === 'ArrayExpression' ? table.elements.filter((element) => element !== null) : [];
}

function filled(title: string, row: ESTree.Node): string {
  if (row.type === 'ObjectExpression')
    return row.properties.reduce((text, property) => {
      if (property.type !== 'Property' || property.key.type !== 'Identifier') return text;
      return text.replace(`$${property.key.name}`, (name) => literalOf(property.value) ?? name);
    }, title);
  const values = row.type === 'ArrayExpression' ? elementsOf(row) : [row];
  const known = values.map(literalOf);
  return title.replaceAll(/%[sid]/g, (placeholder) => known.shift() ?? placeholder);
}

function literalOf(node: ESTree.Node): string | undefined {
  if (node.type === 'Literal') return String(node.value);
  if (node.type !== 'TemplateLiteral' || node.expressions.length > 0) return undefined;
  return node.quasis[0]?.value.cooked ?? undefined;
}
