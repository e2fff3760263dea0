import { expect, it } from 'vitest';
import { fingerprint, waiting } from './words.ts';

it('t1 says the place in line as people say it', () => {
  expect(waiting('North Clinic', 0)).toBe('North Clinic knows that you are here. You are next.');
  expect(waiting('North Clinic', 1)).toContain('One person is');
  expect(waiting('North Clinic', 3)).toContain('3 people are');
});

it('t3 takes one certificate or none', () => {
  expect(fingerprint('a=fingerprint:sha-256 ab:cd\r\n')).toBe('AB:CD');
  expect(fingerprint('v=0\r\n')).toBeUndefined();
  expect(fingerprint('a=fingerprint:sha-256 AB\r\na=fingerprint:sha-256 CD\r\n')).toBeUndefined();
  expect(fingerprint('a=fingerprint:sha-1 AB\r\n')).toBeUndefined();
});
