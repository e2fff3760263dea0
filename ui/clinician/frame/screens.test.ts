import { expect, it } from 'vitest';
import { userOf } from '../../test/fake/office.ts';
import { homeOf, screensOf } from './screens.ts';

it('gives those who watch the audit and no patient, and those who treat no audit', () => {
  expect(screensOf(userOf('auditor'))).toEqual(['audit', 'activity', 'settings']);
  expect(screensOf(userOf('security-officer'))).toEqual([
    'audit',
    'reviews',
    'activity',
    'settings',
  ]);
  expect(screensOf(userOf('clinician'))).toEqual([
    'today',
    'patients',
    'schedule',
    'visits',
    'inbox',
    'activity',
    'settings',
  ]);
  expect(screensOf(userOf('front-desk'))).toContain('schedule');
  expect(homeOf(userOf('auditor'))).toBe('audit');
  expect(homeOf(userOf('front-desk'))).toBe('today');
  expect(homeOf({ ...userOf('auditor'), abilities: [] })).toBe('activity');
});
