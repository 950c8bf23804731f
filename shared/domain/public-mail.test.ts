import { expect, test } from 'vitest';
import { isPublicMail } from './public-mail.ts';

test.each([
  ...['gmail.com', 'icloud.com', 'proton.me', 'web.de', 'ya.ru', 'zoho.com'],
  ...['yahoo.com', 'yahoo.fr', 'yahoo.co.uk', 'outlook.com.br', 'live.nl', 'gmx.net'],
])('anyone can get an address of %s', (domain) => {
  expect(isPublicMail(domain)).toBe(true);
});

test.each([
  ...[
    'acme.example',
    'gmail.com.acme.example',
    'mygmail.com',
    'mail.yahoo.com',
    'yahoo.acme',
    'outlook.com.acme',
  ],
])('not everyone can get an address of %s', (domain) => {
  expect(isPublicMail(domain)).toBe(false);
});
