import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseAst } from 'rolldown/parseAst';

type Program = ReturnType<typeof parseAst>;
type Statement = Program['body'][number];
type Declaration = Extract<Statement, { type: 'VariableDeclaration' }>;
type Exported = Extract<Statement, { type: 'ExportDefaultDeclaration' }>['declaration'];
type Call = Extract<Exported, { type: 'CallExpression' }>;
/** Any expression that can contain a schema. */
type Expression = Exported | Call['arguments'][number];
type Member = Extract<Expression, { type: 'ObjectExpression' }>['properties'][number];

/** The doc comments of a value and of its parts. */
export interface DocComments {
  /** The name of the constant, if the value is one. */
  readonly name?: string | undefined;
  /** The comment where the value is used. */
  readonly here?: string | undefined;
  /** The comment at its constant. */
  readonly everywhere?: string | undefined;
  readonly properties?: ReadonlyMap<string, DocComments>;
  readonly items?: DocComments;
  readonly options?: readonly DocComments[];
}

const NONE: DocComments = {};
const modules = new Map<string, Module>();

/** Doc comments of the default export of `file`, and of every schema in it. */
export function commentsOfContract(file: string): DocComments {
  const exported = moduleAt(file).program.body.find(({ type }) => type === 'ExportDefaultDeclaration');
  if (exported?.type !== 'ExportDefaultDeclaration') throw new Error(`${file} has no default export`);
  return read(exported.declaration, moduleAt(file));
}

/** Doc comments of the constant `name` of `file`. */
export function commentsOfConstant(file: string, name: string): DocComments {
  return readName(name, moduleAt(file));
}

interface Module {
  readonly file: string;
  readonly source: string;
  readonly program: Program;
}

function moduleAt(file: string): Module {
  const known = modules.get(file);
  if (known) return known;
  const source = readFileSync(file, 'utf8');
  const module = { file, source, program: parseAst(source, { lang: 'ts' }) };
  modules.set(file, module);
  return module;
}

/** Reads the forms of expression that our schemas use. Returns `NONE` for any other. */
function read(expression: Expression, module: Module): DocComments {
  switch (expression.type) {
    case 'ObjectExpression':
      return {
        properties: new Map(expression.properties.flatMap((property) => entriesOf(property, module))),
      };
    case 'TSAsExpression':
    case 'TSSatisfiesExpression':
      return read(expression.expression, module);
    case 'Identifier':
      return readName(expression.name, module);
    case 'MemberExpression': {
      const whole = read(expression.object, module);
      const name = expression.property.type === 'Identifier' ? expression.property.name : '';
      return name === 'shape' ? whole : (whole.properties?.get(name) ?? NONE);
    }
    case 'CallExpression':
      return readCall(expression, module);
    default:
      return NONE;
  }
}

function readCall({ callee, arguments: [first, second] }: Call, module: Module): DocComments {
  const readOne = (argument: Expression | undefined): DocComments =>
    argument ? read(argument, module) : NONE;
  if (callee.type === 'Identifier') {
    return /^(defineFunction|clientBody|clientLimits)$/.test(callee.name) ? readOne(first) : NONE;
  }
  if (callee.type !== 'MemberExpression' || callee.property.type !== 'Identifier') return NONE;
  switch (callee.property.name) {
    case 'strictObject':
    case 'object':
      return { ...readOne(first), name: undefined };
    case 'optional':
    case 'nullable':
      return readOne(first);
    case 'array':
      return { items: readOne(first) };
    case 'union':
      return { options: optionsOf(first, module) };
    case 'discriminatedUnion':
      return { options: optionsOf(second, module) };
    case 'check':
      return { ...read(callee.object, module), name: undefined };
    default:
      return NONE;
  }
}

function optionsOf(list: Expression | undefined, module: Module): DocComments[] {
  if (list?.type !== 'ArrayExpression') return [];
  return list.elements.map((element) => (element ? read(element, module) : NONE));
}

function entriesOf(member: Member, module: Module): [string, DocComments][] {
  if (member.type === 'SpreadElement') return [...(read(member.argument, module).properties ?? [])];
  const { key } = member;
  if (key.type !== 'Identifier') return [];
  const comments = read(member.value, module);
  return [[key.name, { ...comments, here: commentBefore(member.start, module) ?? comments.here }]];
}

function readName(name: string, module: Module): DocComments {
  for (const statement of module.program.body) {
    if (statement.type === 'ImportDeclaration') {
      const from = join(dirname(module.file), statement.source.value);
      for (const specifier of statement.specifiers) {
        if (specifier.type !== 'ImportSpecifier' || specifier.local.name !== name) continue;
        if (!statement.source.value.startsWith('.') || specifier.imported.type !== 'Identifier') return NONE;
        return readName(specifier.imported.name, moduleAt(from));
      }
    }
    const declaration = declarationIn(statement);
    const declared = declaration?.declarations.find(({ id }) => id.type === 'Identifier' && id.name === name);
    if (declared?.init) {
      return { ...read(declared.init, module), name, everywhere: commentBefore(statement.start, module) };
    }
  }
  return NONE;
}

function declarationIn(statement: Statement): Declaration | undefined {
  const declaration = statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement;
  return declaration?.type === 'VariableDeclaration' ? declaration : undefined;
}

/** The text of the doc comment directly before `start`. */
function commentBefore(start: number, { source }: Module): string | undefined {
  const before = source.slice(0, start).trimEnd();
  const from = before.lastIndexOf('/*');
  if (!before.endsWith('*/') || !before.startsWith('/**', from)) return undefined;
  return before
    .slice(from + 3, -2)
    .split('\n')
    .map((line) => line.trim().replace(/^\*\s?/, ''))
    .join(' ')
    .trim();
}
