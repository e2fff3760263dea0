import { describe, expect, it } from 'vitest';
import { addDays, ClinicTime, minutesBetween, mondayOf, usableLocale } from './time.ts';

const newYork = new ClinicTime('America/New_York', 'en-GB');

describe('ClinicTime', () => {
  it('shows an instant by the clinic, wherever the computer is', () => {
    expect(newYork.time('2026-11-24T15:34:20Z')).toBe('10:34');
    expect(newYork.dayOf('2026-11-25T03:00:00Z')).toBe('2026-11-24');
  });

  it('never shifts a date that has no time', () => {
    expect(newYork.longDay('2026-11-24')).toBe('Tuesday, 24 November 2026');
    expect(newYork.date('1974-03-18')).toBe('18 Mar 1974');
  });

  it('writes a partial date as what is known', () => {
    expect(newYork.date('1988')).toBe('1988');
    expect(newYork.date('1988-05')).toBe('May 1988');
    expect(newYork.date(null)).toBe('');
  });

  it('turns wall-clock time into an instant with the offset of that day', () => {
    expect(newYork.instant('2026-11-24T10:34')).toBe('2026-11-24T10:34:00-05:00');
    expect(newYork.instant('2026-07-01T09:00:00')).toBe('2026-07-01T09:00:00-04:00');
    expect(new ClinicTime('Asia/Kathmandu', 'en').instant('2026-01-01T00:00:00')).toBe(
      '2026-01-01T00:00:00+05:45',
    );
  });

  it('moves a time that spring skips to the one an hour later', () => {
    expect(newYork.instant('2026-03-08T02:30:00')).toBe('2026-03-08T03:30:00-04:00');
  });

  it('is its own inverse over a whole year', () => {
    for (let hour = 0; hour < 8760; hour += 7) {
      const at = new Date(Date.UTC(2026, 0, 1) + hour * 3_600_000);
      const again = new Date(newYork.instant(newYork.wall(at)));
      // The hour that autumn repeats is one of two; all others come back exactly.
      expect([0, 3_600_000]).toContain(Math.abs(again.getTime() - at.getTime()));
    }
  });
});

describe('days', () => {
  it('adds over months and finds Monday', () => {
    expect(addDays('2026-12-31', 1)).toBe('2027-01-01');
    expect(addDays('2026-03-01', -1)).toBe('2026-02-28');
    expect(mondayOf('2026-11-29')).toBe('2026-11-23');
    expect(mondayOf('2026-11-23')).toBe('2026-11-23');
  });

  it('counts minutes across offsets', () => {
    expect(minutesBetween('2026-11-24T10:00:00-05:00', '2026-11-24T15:30:00Z')).toBe(30);
  });
});

describe('the locale', () => {
  it('passes over what is none, as a desktop without a language wishes for', () => {
    expect(usableLocale(['c'])).toBe('en-US');
    expect(usableLocale(['c', 'de-DE'])).toBe('de-DE');
    expect(usableLocale([])).toBe('en-US');
  });
});
