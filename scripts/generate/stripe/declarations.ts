import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { type ESTree, parseSync } from 'rolldown/utils';

/** The declarations of Stripe's library, by the names that its users know: `Checkout.Session.AutomaticTax`. */

const LIBRARY = 'node_modules/stripe/esm';
const RESOURCES = join(LIBRARY, 'resources');

export interface Declaration {
  readonly name: string;
  /** Fields of an interface, with those that it inherits; absent for another name of a type. */
  readonly fields?: readonly ESTree.TSPropertySignature[];
  readonly alias?: ESTree.TSType;
  /** The declaration that a name in this one means. */
  find(name: string): Declaration | undefined;
}

export interface Method {
  readonly verb: string;
  /** With `{}` for each id. */
  readonly path: string;
  /** Absent for a method without parameters. */
  readonly parameters: string | undefined;
  readonly answer: ESTree.TSType;
}

export interface Module {
  readonly declarations: ReadonlyMap<string, Declaration>;
  method(name: string): Method;
}

const modules = new Map<string, Module>();

/** The module of a resource such as `Checkout/Sessions`. */
export function readResource(resource: string): Module {
  return readModule(join(RESOURCES, `${resource}.d.ts`));
}

function readModule(file: string): Module {
  const known = modules.get(file);
  if (known) return known;
  const module = parseModule(file);
  modules.set(file, module);
  return module;
}

function parse(file: string): readonly (ESTree.Directive | ESTree.Statement)[] {
  const { program, errors } = parseSync(file, readFileSync(file, 'utf8'));
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]?.message}`);
  return program.body;
}

function parseModule(file: string): Module {
  const body = parse(file);
  const declarations = new Map<string, Declaration>();
  const imports = new Map<string, { readonly from: string; readonly name: string }>();
  const folder = relative(RESOURCES, dirname(file)).replaceAll('/', '.');
  const prefix = folder.startsWith('..') || folder === '' ? '' : `${folder}.`;

  /** In the file itself: from the innermost namespace outwards, then by the imports. */
  function find(name: string, within: string): Declaration | undefined {
    const scopes = within === '' ? [] : within.split('.');
    for (let depth = scopes.length; depth >= 0; depth--) {
      const local = [...scopes.slice(0, depth), name].join('.');
      const found = declarations.get(local) ?? declarations.get(prefix + local);
      if (found) return found;
    }
    const [first = '', ...rest] = name.split('.');
    const imported = imports.get(first);
    if (!imported || !existsSync(imported.from)) return undefined;
    // An index only gathers the files of its folder.
    const isIndex = imported.from.endsWith('/index.d.ts');
    const files = isIndex ? filesBeside(imported.from) : [imported.from];
    const inside = (isIndex ? rest : [imported.name, ...rest]).join('.');
    for (const each of files) {
      const found = declarationIn(readModule(each), inside);
      if (found) return found;
    }
    return undefined;
  }

  function add(statement: ESTree.Directive | ESTree.Statement, within: string): void {
    const declared =
      statement.type === 'ExportNamedDeclaration' ? (statement.declaration ?? statement) : statement;
    if (declared.type === 'TSModuleDeclaration' && declared.body?.type === 'TSModuleBlock') {
      const name = within + nameOf(declared.id);
      for (const inner of declared.body.body) add(inner, `${name}.`);
    } else if (declared.type === 'TSInterfaceDeclaration') {
      const local = within + declared.id.name;
      const inherited = declared.extends.flatMap((base) => {
        // `Omit<Base, 'field'>`
        const [omitFrom, omitted] = base.typeArguments?.params ?? [];
        const name = nameOf(omitFrom?.type === 'TSTypeReference' ? omitFrom.typeName : base.expression);
        const fields = find(name, within.slice(0, -1))?.fields ?? [];
        return fields.filter((field) => !namesIn(omitted).includes(fieldName(field)));
      });
      const own = declared.body.body.filter((each) => each.type === 'TSPropertySignature');
      const names = new Set(own.map(fieldName));
      declarations.set(local, {
        name: qualified(local),
        fields: [...inherited.filter((field) => !names.has(fieldName(field))), ...own],
        find: (name) => find(name, local),
      });
    } else if (declared.type === 'TSTypeAliasDeclaration') {
      const local = within + declared.id.name;
      const alias = declared.typeAnnotation;
      declarations.set(local, { name: qualified(local), alias, find: (name) => find(name, local) });
    }
  }

  /** Parameters are in namespaces with the name of their folder already. */
  function qualified(local: string): string {
    return prefix !== '' && local.startsWith(prefix) ? local : prefix + local;
  }

  for (const statement of body) {
    if (statement.type === 'ImportDeclaration')
      for (const specifier of statement.specifiers)
        imports.set(specifier.local.name, {
          from: join(dirname(file), statement.source.value.replace(/\.js$/, '.d.ts')),
          name:
            specifier.type === 'ImportSpecifier' && specifier.imported.type === 'Identifier'
              ? specifier.imported.name
              : specifier.local.name,
        });
  }
  for (const statement of body) add(statement, '');
  return { declarations, method: (name) => readMethod(file, body, name) };
}

/** The declaration with that name, without the name of its folder. */
export function declarationIn({ declarations }: Module, name: string): Declaration | undefined {
  return [...declarations.values()].find((each) => each.name === name || each.name.endsWith(`.${name}`));
}

function filesBeside(index: string): string[] {
  const names = readdirSync(dirname(index)).filter(
    (name) => name.endsWith('.d.ts') && name !== basename(index),
  );
  return names.map((name) => join(dirname(index), name));
}

/** The texts in `'a' | 'b'`. */
export function namesIn(type: ESTree.TSType | undefined): string[] {
  const choices = type?.type === 'TSUnionType' ? type.types : type ? [type] : [];
  return choices.flatMap((choice) =>
    choice.type === 'TSLiteralType' && choice.literal.type === 'Literal'
      ? [String(choice.literal.value)]
      : [],
  );
}

function readMethod(
  file: string,
  body: readonly (ESTree.Directive | ESTree.Statement)[],
  name: string,
): Method {
  const declared = methodOf(body, name);
  const types = declared?.value.params.map((parameter) =>
    'typeAnnotation' in parameter ? parameter.typeAnnotation?.typeAnnotation : undefined,
  );
  const parameters = types?.find(
    (type) => type?.type === 'TSTypeReference' && nameOf(type.typeName).endsWith('Params'),
  );
  const answer = declared?.value.returnType?.typeAnnotation;
  const source = methodOf(parse(file.replace(/\.d\.ts$/, '.js')), name)?.value.body?.body.find(
    (statement) => statement.type === 'ReturnStatement',
  )?.argument;
  const [verb, path] = source?.type === 'CallExpression' ? source.arguments : [];
  if (!answer || verb?.type !== 'Literal' || !path) throw new Error(`${file} has no method ${name}`);
  return {
    verb: String(verb.value),
    path:
      path.type === 'TemplateLiteral' ? path.quasis.map(({ value }) => value.raw).join('{}') : textOf(path),
    parameters: parameters?.type === 'TSTypeReference' ? nameOf(parameters.typeName) : undefined,
    answer,
  };
}

function textOf(node: { readonly type: string; readonly value?: unknown }): string {
  if (node.type !== 'Literal' || typeof node.value !== 'string') throw new Error('a path that is no text');
  return node.value;
}

/** The last declaration of the method, which is the most general one. */
function methodOf(
  body: readonly (ESTree.Directive | ESTree.Statement)[],
  name: string,
): ESTree.MethodDefinition | undefined {
  for (const statement of body) {
    const declared = statement.type === 'ExportNamedDeclaration' ? statement.declaration : undefined;
    if (declared?.type !== 'ClassDeclaration') continue;
    const found = declared.body.body.findLast(
      (member): member is ESTree.MethodDefinition =>
        'key' in member && 'value' in member && nameOf(member.key) === name && /Method/.test(member.type),
    );
    if (found) return found;
  }
  return undefined;
}

export function fieldName({ key }: ESTree.TSPropertySignature): string {
  return key.type === 'Literal' ? String(key.value) : nameOf(key);
}

/** `A.B.C` */
export function nameOf(node: { readonly type: string }): string {
  if ('name' in node && typeof node.name === 'string') return node.name;
  if ('left' in node && 'right' in node && isNode(node.left) && isNode(node.right))
    return `${nameOf(node.left)}.${nameOf(node.right)}`;
  if ('object' in node && 'property' in node && isNode(node.object) && isNode(node.property))
    return `${nameOf(node.object)}.${nameOf(node.property)}`;
  throw new Error(`not a name: ${node.type}`);
}

function isNode(value: unknown): value is { readonly type: string } {
  return typeof value === 'object' && value !== null && 'type' in value;
}
