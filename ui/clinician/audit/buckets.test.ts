import { describe, expect, it } from 'vitest';
import { ClinicTime } from '../../shared/time.ts';
import { count } from './buckets.ts';

const time = new ClinicTime('America/New_York', 'en-GB');
const now = new Date('2026-11-24T15:34:20Z');
const week = { from: '2026-11-18T00:00:00-05:00', until: null, now };
const at = (...instants: string[]) => instants.map((one) => ({ at: one }));

describe('counting accesses', () => {
  it('counts by the clinic’s days, the empty ones too, to now', () => {
    const counted = count(
      // 03:30 UTC is still the evening before in the clinic.
      at('2026-11-20T03:30:00Z', '2026-11-19T15:00:00Z', '2026-11-23T12:00:00Z'),
      null,
      true,
      week,
      time,
    );
    expect(counted?.keys).toEqual([
      '2026-11-18',
      '2026-11-19',
      '2026-11-20',
      '2026-11-21',
      '2026-11-22',
      '2026-11-23',
      '2026-11-24',
    ]);
    expect(counted?.counts).toEqual([0, 2, 0, 0, 0, 1, 0]);
    expect(counted).toMatchObject({ step: 'day', part: null });
  });
  it('counts a short period by the hour, through the hour that comes twice', () => {
    const period = {
      from: '2026-11-01T00:00:00-04:00',
      until: '2026-11-01T04:00:00-05:00',
      now,
    };
    const counted = count(
      at('2026-11-01T05:30:00Z', '2026-11-01T06:30:00Z', '2026-11-01T07:10:00Z'),
      null,
      true,
      period,
      time,
    );
    expect(counted?.step).toBe('hour');
    expect(counted?.keys.map((key) => key.slice(11))).toEqual(['00', '01', '02', '03']);
    expect(counted?.counts).toEqual([0, 2, 1, 0]);
  });
  it('leaves out the day at which the rows break off', () => {
    const rows = at(
      '2026-11-24T15:00:00Z',
      '2026-11-23T15:00:00Z',
      '2026-11-20T15:00:00Z',
      '2026-11-20T14:00:00Z',
    );
    const counted = count(rows, 'newest-first', false, week, time);
    expect(counted?.keys[0]).toBe('2026-11-21');
    expect(counted?.counts).toEqual([0, 0, 1, 1]);
    expect(counted?.part).toBe('newest');
  });
  it('says nothing from a part of the rows that is not sorted by time', () => {
    expect(count(at('2026-11-24T15:00:00Z', '2026-11-19T15:00:00Z'), null, false, week, time)).toBe(
      null,
    );
  });
  it('passes over empty years, and is silent where the bars would be too many', () => {
    const six = { from: '2020-11-24T00:00:00-05:00', until: null, now };
    expect(
      count(at('2026-11-20T15:00:00Z', '2026-11-24T15:00:00Z'), null, true, six, time)?.keys[0],
    ).toBe('2026-11-20');
    expect(count(at('2021-11-20T15:00:00Z', '2026-11-24T15:00:00Z'), null, true, six, time)).toBe(
      null,
    );
  });
});
