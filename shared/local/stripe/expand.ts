import { isRecord } from './official/objects.ts';
import { type Kind, kindOfObject } from './official/table.ts';
import { Refused } from './refused.ts';
import { show } from './show.ts';
import type { State } from './state.ts';

/** docs.stripe.com/api/expanding_objects */
const DEEPEST = 4;

/** Throws Stripe's error for paths that do not lead to an id in an answer of that kind. */
export function checkExpand(paths: readonly string[], kind: Kind): void {
  for (const path of paths) {
    const names = path.split('.');
    const message =
      names.length > DEEPEST
        ? `You cannot expand more than ${DEEPEST} levels of a property.`
        : isExpandable(kind, names)
          ? undefined
          : `This property cannot be expanded (${path}).`;
    if (message !== undefined) throw new Refused(400, { param: 'expand', message });
  }
}

/** The answer with whole objects in the place of the ids that `paths` name. */
export function expand(state: State, answer: object, paths: readonly string[]): object {
  return paths.reduce(
    (expanded: object, path) => (isRecord(expanded) ? expandIn(state, expanded, path.split('.')) : expanded),
    answer,
  );
}

function isExpandable(kind: Kind, names: readonly string[]): boolean {
  const [name, ...rest] = names;
  switch (kind.is) {
    case 'choice': {
      // The id itself, or what it becomes.
      const isId = kind.choices.some(({ is }) => is === 'id');
      return (name === undefined && isId) || kind.choices.some((choice) => isExpandable(choice, names));
    }
    case 'array':
      return isExpandable(kind.of, names);
    case 'list':
      return name === 'data' && isExpandable(kind.of, rest);
    case 'object': {
      const field = name === undefined ? undefined : kind.fields.get(name);
      return field !== undefined && isExpandable(field.kind, rest);
    }
    default:
      return false;
  }
}

type Shown = Readonly<Record<string, unknown>>;

function expandIn(state: State, shown: Shown, [name = '', ...rest]: readonly string[]): Shown {
  const value = shown[name];
  if (Array.isArray(value))
    return { ...shown, [name]: value.map((each) => (isRecord(each) ? expandIn(state, each, rest) : each)) };
  const whole = typeof value === 'string' ? wholeOf(state, value) : value;
  if (!isRecord(whole)) return shown;
  return { ...shown, [name]: rest.length > 0 ? expandIn(state, whole, rest) : whole };
}

/** The object with that id, as Stripe shows it. Throws if the fake has no objects of that kind. */
function wholeOf(state: State, id: string): object {
  for (const records of Object.values(state)) {
    const stored: unknown = isRecord(records) && Object.hasOwn(records, id) ? records[id] : undefined;
    if (isRecord(stored) && typeof stored.object === 'string' && kindOfObject(stored.object))
      return show(state, stored);
  }
  throw new Refused(400, { param: 'expand', message: `The fake Stripe cannot expand ${id}.` });
}
