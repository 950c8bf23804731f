import { parseSync } from 'rolldown/utils';
import { ARITHMETIC, type Change, isMessage, type Mutation, mutationsOf, RELATIONS } from './mutation.ts';

const EQUALITIES: Readonly<Record<string, string>> = { '===': '!==', '!==': '===', '==': '!=', '!=': '==' };

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

/** Where a node is: its parents, the nearest first. */
type Parents = readonly Node[];

/** All mutations of a TypeScript source, in order of place. Types are not mutated. */
export function mutateTypeScript(file: string, source: string): Mutation[] {
  const { program, errors } = parseSync(file, source);
  if (errors[0]) throw new Error(`${file}: ${errors[0].message}`);
  const changes: Change[] = [];
  const visit = (node: Node, parents: Parents): void => {
    changes.push(...changesOf(node, parents, source));
    for (const child of childrenOf(node)) visit(child, [node, ...parents]);
  };
  visit(program as unknown as Node, []);
  return mutationsOf(file, source, changes);
}

/** Wrappers that hold an expression and a type. */
const TYPED = new Set([
  'TSAsExpression',
  'TSSatisfiesExpression',
  'TSNonNullExpression',
  'TSInstantiationExpression',
]);

function childrenOf(node: Node): Node[] {
  if (TYPED.has(node.type)) return [node.expression as Node];
  if (node.type.startsWith('TS') || node.type.startsWith('Import')) return [];
  const hidden = node.type.startsWith('Export') ? 'source' : node.computed ? '' : 'key';
  return Object.entries(node)
    .filter(([field]) => field !== hidden)
    .flatMap(([, value]) => value)
    .filter(isNode);
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && 'start' in value;
}

function changesOf(node: Node, parents: Parents, source: string): Change[] {
  switch (node.type) {
    case 'BinaryExpression':
    case 'LogicalExpression':
      return changesOfOperator(node, source);
    case 'UnaryExpression': {
      const { start, end } = node.argument as Node;
      if (node.operator !== '!') return [];
      return [{ operator: 'boolean', ...rangeOf(node), replacement: source.slice(start, end) }];
    }
    case 'IfStatement':
    case 'ConditionalExpression':
      return negationOf(node.test as Node, source);
    case 'ThrowStatement':
      return [{ operator: 'statement', ...rangeOf(node), replacement: ';' }];
    case 'ExpressionStatement':
      return node.directive ? [] : [{ operator: 'statement', ...rangeOf(node), replacement: ';' }];
    case 'ObjectExpression':
      return removalsOf(node);
    case 'Literal':
      return changesOfLiteral(node, parents);
    default:
      return [];
  }
}

function rangeOf({ start, end }: Node): { start: number; end: number } {
  return { start, end };
}

function changesOfOperator(node: Node, source: string): Change[] {
  const { left, right, operator } = node as unknown as { left: Node; right: Node; operator: string };
  const start = left.end + source.slice(left.end, right.start).indexOf(operator);
  const at = { start, end: start + operator.length };
  if (operator === '&&' || operator === '||') {
    return [{ operator: 'boolean', ...at, replacement: operator === '&&' ? '||' : '&&' }];
  }
  const flipped = EQUALITIES[operator] ?? RELATIONS[operator];
  if (flipped) return [{ operator: 'comparison', ...at, replacement: flipped }];
  const other = ARITHMETIC[operator];
  const joins = operator === '+' && [left, right].some(isText);
  return other && !joins ? [{ operator: 'arithmetic', ...at, replacement: other }] : [];
}

function isText({ type, value }: Node): boolean {
  return type === 'TemplateLiteral' || typeof value === 'string';
}

/** A test that is itself a comparison or a negation is changed as such. */
function negationOf(test: Node, source: string): Change[] {
  if (['BinaryExpression', 'LogicalExpression', 'UnaryExpression'].includes(test.type)) return [];
  return [{ operator: 'boolean', ...rangeOf(test), replacement: `!(${source.slice(test.start, test.end)})` }];
}

/** Each property with the comma after it or, for the last one, before it. */
function removalsOf(node: Node): Change[] {
  const properties = node.properties as Node[];
  return properties.flatMap((property, i): Change[] => {
    if (property.type !== 'Property' || isForReaders(property)) return [];
    const [previous, next] = [properties[i - 1], properties[i + 1]];
    const start = next || !previous ? property.start : previous.end;
    const end = next ? next.start : property.end;
    return [{ operator: 'property', start, end, replacement: '', shown: rangeOf(property) }];
  });
}

/** Properties with texts for readers. */
const TEXTS = new Set(['summary', 'description', 'meaning', 'title', 'detail', 'message', 'note']);

function isForReaders(node: Node | undefined): boolean {
  return node?.type === 'Property' && TEXTS.has(String((node.key as Node).name));
}

function changesOfLiteral(node: Node, [parent, ...parents]: Parents): Change[] {
  const { value } = node;
  const at = rangeOf(node);
  if (typeof value === 'number') return [{ operator: 'literal', ...at, replacement: String(value + 1) }];
  if (typeof value === 'boolean') return [{ operator: 'literal', ...at, replacement: String(!value) }];
  if (typeof value !== 'string' || value === '' || isMessage(value)) return [];
  const isOfError = [parent, ...parents].some((each) => each?.type === 'NewExpression' && isErrorClass(each));
  const isDirective = parent?.type === 'ExpressionStatement';
  return isForReaders(parent) || isOfError || isDirective
    ? []
    : [{ operator: 'string', ...at, replacement: "''" }];
}

function isErrorClass({ callee }: Node): boolean {
  return /Error$/.test(String((callee as Node).name));
}
