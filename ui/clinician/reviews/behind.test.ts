import { describe, expect, it } from 'vitest';
import type { ReviewView } from '../../shared/bindings.ts';
import { reviewItems } from '../../test/fake/access.ts';
import { people } from '../../test/fake/people.ts';
import { ageOf, behind } from './behind.ts';

const [emergency, broken] = reviewItems(people()) as [ReviewView, ReviewView];

describe('the audit behind a review', () => {
  it('is all that was done with the record while emergency access lasted', () => {
    expect(behind(emergency)).toMatchObject({
      patient: 'pat-4',
      user: 'user-4',
      from: '2026-11-24T14:56:00.000Z',
      until: '2026-11-24T17:00:00.000Z',
      action: null,
    });
  });
  it('is the event of its kind for what a machine noticed', () => {
    expect(behind(broken)).toMatchObject({ patient: null, user: null, action: 'chain-broken' });
  });
});

it('says an age in the largest unit that fits', () => {
  const now = new Date('2026-11-24T15:34:20Z');
  expect(ageOf('2026-11-24T15:33:50Z', now)).toEqual({ unit: 'minutes', count: 0 });
  expect(ageOf('2026-11-24T14:40:00Z', now)).toEqual({ unit: 'minutes', count: 54 });
  expect(ageOf('2026-11-23T15:34:00Z', now)).toEqual({ unit: 'hours', count: 24 });
  expect(ageOf('2026-11-22T15:34:00Z', now)).toEqual({ unit: 'days', count: 2 });
  // A server whose clock runs ahead.
  expect(ageOf('2026-11-24T15:36:00Z', now)).toEqual({ unit: 'minutes', count: 0 });
});
