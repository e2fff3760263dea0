import { expect, it } from 'vitest';
import { companyWords, fingerprint, waiting } from './words.ts';

it('t1 says the place in line as people say it', () => {
  expect(waiting('North Clinic', 0, false)).toBe(
    'North Clinic knows that you are here. You are next.',
  );
  expect(waiting('North Clinic', 1, false)).toContain('One person is');
  expect(waiting('North Clinic', 3, false)).toContain('3 people are');
  expect(waiting('North Clinic', 0, true)).not.toContain('next');
});

it('t1 names everybody in the call by who they are', () => {
  const said = (guest: boolean, ...others: Parameters<typeof companyWords>[1]) =>
    companyWords(guest, others)
      .map((part) => (typeof part === 'string' ? part : `[${part.name}]`))
      .join('');
  expect(said(false)).toBe('');
  expect(said(true)).toBe('');
  expect(said(false, { kind: 'interpreter', name: 'Maria' })).toBe(
    'Also in this call: an interpreter ([Maria]).',
  );
  expect(said(true, { kind: null, name: null })).toBe(
    'In this call: the patient and the clinician.',
  );
  expect(said(true, { kind: 'carer', name: null })).toBe(
    'In this call: the clinician and another clinician or carer.',
  );
});

it('t3 takes one certificate or none', () => {
  expect(fingerprint('a=fingerprint:sha-256 ab:cd\r\n')).toBe('AB:CD');
  expect(fingerprint('v=0\r\n')).toBeUndefined();
  expect(fingerprint('a=fingerprint:sha-256 AB\r\na=fingerprint:sha-256 CD\r\n')).toBeUndefined();
  expect(fingerprint('a=fingerprint:sha-1 AB\r\n')).toBeUndefined();
});
