import { describe, expect, it } from 'vitest';
import { ClinicTime } from '../../shared/time.ts';
import { formOf, START, sortedBy, wrongDay } from './asked.ts';

const time = new ClinicTime('America/New_York', 'en-GB');
const TODAY = '2026-11-04';

describe('what is asked of the audit', () => {
  it('begins and ends with whole days of the clinic, over a change of the clocks too', () => {
    // The clocks went back on 1 November 2026.
    expect(formOf(START, TODAY, time)).toMatchObject({
      from: '2026-10-29T00:00:00-04:00',
      until: null,
    });
    const own = { ...START, period: 'own', from: '2026-10-31', until: '2026-11-01' } as const;
    expect(formOf(own, TODAY, time)).toMatchObject({
      from: '2026-10-31T00:00:00-04:00',
      until: '2026-11-02T00:00:00-05:00',
    });
    expect(formOf({ ...START, period: 'day' }, TODAY, time)?.from).toBe(
      '2026-11-04T00:00:00-05:00',
    );
  });
  it('goes back six years, from a leap day too', () => {
    expect(formOf({ ...START, period: 'six' }, '2028-02-29', time)?.from).toBe(
      '2022-02-28T00:00:00-05:00',
    );
  });
  it('waits for a day that is half typed and for one before the first', () => {
    expect(formOf({ ...START, period: 'own', from: '2026-1' }, TODAY, time)).toBeNull();
    expect(wrongDay({ ...START, period: 'own', from: '2026-11-02', until: '2026-11-01' })).toBe(
      'order',
    );
    expect(formOf({ ...START, period: 'own' }, TODAY, time)).toMatchObject({
      from: null,
      until: null,
    });
  });
  it('turns round on the same heading, and begins anew on another', () => {
    const byUser = sortedBy(START, 'user');
    expect(byUser).toMatchObject({ sort: 'user', ascending: true });
    expect(sortedBy(byUser, 'user')).toMatchObject({ sort: 'user', ascending: false });
    expect(sortedBy(byUser, 'recorded')).toMatchObject({ sort: 'recorded', ascending: false });
  });
});
