import { expect, test } from 'vitest';
import type { Me } from '../../sdk/src/api.ts';
import { destinationOf, homeOf, operatorLinks, tenantLinks, tenantPageOf } from './pages.ts';
import type { Viewer } from './viewer.ts';

function viewer(tenants: Me['tenants'] = [], isOperator = false): Viewer {
  const moment = '2026-11-28T10:00:00Z';
  const me = { user_id: 'usr_1', email: 'a@b.c', name: 'A', created_at: moment, last_sign_in_at: moment };
  return { user: { ...me, is_operator: isOperator, tenants }, isOperator, offers: 0 };
}

const tenant = (tenant_id: string, role: Me['tenants'][number]['role']) => ({
  tenant_id,
  name: tenant_id,
  role,
});
const OPERATOR_KEY: Viewer = { user: undefined, isOperator: true, offers: 0 };

test('opens the seats of the first tenant that the viewer administers', () => {
  const home = homeOf(viewer([tenant('ten_1', 'member'), tenant('ten_2', 'admin')]));
  expect(home).toBe('/console/tenants/ten_2/seats');
});

test('has a page for each link of a tenant', () => {
  const links = tenantLinks({ tenantId: 'ten_1', name: 'T', role: 'owner' });
  expect(links.length).toBeGreaterThanOrEqual(3);
  for (const { href } of links) {
    const destination = destinationOf(href, viewer([tenant('ten_1', 'owner')]));
    if (destination.kind !== 'tenant') throw new Error(`${href} has no page`);
    expect(tenantPageOf(destination.slug, 'owner')).toBeDefined();
  }
});

test('hides pages for admins from members', () => {
  expect(tenantPageOf('seats', 'member')).toBeUndefined();
  expect(tenantPageOf('seats', 'admin')).toBeDefined();
  expect(tenantPageOf('seats', 'operator')).toBeDefined();
});

test.each(['/console/nowhere', '/console/tenants/ten_1/seats/more', '/console/operator/nowhere'])(
  'finds no page at %s',
  (pathname) => {
    expect(destinationOf(pathname, viewer([], true)).kind).toBe('not-found');
  },
);

test('shows operator pages to operators only', () => {
  const owner = viewer([tenant('ten_1', 'owner')]);
  expect(operatorLinks(owner)).toEqual([]);
  for (const { href } of operatorLinks(OPERATOR_KEY)) {
    expect(destinationOf(href, OPERATOR_KEY).kind).toBe('page');
    expect(destinationOf(href, owner).kind).toBe('not-found');
  }
});
