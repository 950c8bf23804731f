import { expect, test } from 'vitest';
import { memoryStorage } from '../testing/fake-server.ts';
import { pageBeforePayment, rememberPage } from './payment-page.ts';

const PAGE = '/console/tenants/ten_07_0000000000000000/billing';
const RETURN = new URL('https://licenses.example.com/console/?checkout=paid');

test('a return from a payment page leads to the page that opened it, once, with what happened', () => {
  const storage = memoryStorage();
  rememberPage(storage, PAGE);
  expect(pageBeforePayment(storage, RETURN)).toBe(`${PAGE}?checkout=paid`);
  expect(pageBeforePayment(storage, RETURN)).toBeUndefined();
});

test('a return without what happened, as from the billing portal, leads there too', () => {
  const storage = memoryStorage();
  rememberPage(storage, PAGE);
  expect(pageBeforePayment(storage, new URL('https://licenses.example.com/console'))).toBe(PAGE);
});

test('another page of the console is no return', () => {
  const storage = memoryStorage();
  rememberPage(storage, PAGE);
  expect(pageBeforePayment(storage, new URL(`https://licenses.example.com${PAGE}`))).toBeUndefined();
  expect(pageBeforePayment(memoryStorage(), RETURN)).toBeUndefined();
});
