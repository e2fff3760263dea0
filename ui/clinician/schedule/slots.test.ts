import { describe, expect, it } from 'vitest';
import type { AppointmentView, WorkingHours } from '../../shared/bindings.ts';
import { clashes, dayLimits, isTime, nextFree, tidyTime, withinHours } from './slots.ts';

const at = (time: string) => `2026-11-24T${time}:00-05:00`;
const ms = (time: string) => Date.parse(at(time));

function appointment(id: string, start: string, end: string, progress = 'booked'): AppointmentView {
  return { id, start: at(start), end: at(end), practitioner: 'p', progress } as AppointmentView;
}
const hours: WorkingHours[] = [
  { practitioner: 'p', start: at('09:00'), end: at('10:00') },
  { practitioner: 'p', start: at('10:00'), end: at('12:00') },
];

describe('clashes', () => {
  const taken = [appointment('a', '09:00', '09:30'), appointment('b', '09:30', '10:00')];
  it('names each one that overlaps', () => {
    expect(clashes(taken, 'p', ms('09:15'), 30).map((a) => a.id)).toEqual(['a', 'b']);
  });
  it('lets one end where the next begins', () => {
    expect(clashes(taken, 'p', ms('10:00'), 30)).toEqual([]);
  });
  it('does not clash with itself, a cancelled one or another practitioner', () => {
    expect(clashes(taken, 'p', ms('09:00'), 30, 'a')).toEqual([]);
    expect(clashes(taken, 'q', ms('09:00'), 30)).toEqual([]);
    expect(
      clashes([appointment('c', '09:00', '10:00', 'cancelled')], 'p', ms('09:00'), 30),
    ).toEqual([]);
  });
});

describe('nextFree', () => {
  it('skips what is taken and never leaves working hours', () => {
    const taken = [appointment('a', '09:00', '09:20'), appointment('b', '10:00', '11:40')];
    const free = nextFree(hours, taken, ['p'], ms('08:00'), 20, 9);
    expect(free.map((f) => new Date(f.start).toISOString().slice(11, 16))).toEqual([
      '14:20',
      '14:40',
      '16:40',
    ]);
  });
  it('starts no earlier than asked, on five minutes', () => {
    const [first] = nextFree(hours, [], ['p'], ms('09:07'), 15, 1);
    expect(first?.start).toBe(ms('09:10'));
  });
  it('finds nothing where nothing fits', () => {
    expect(nextFree(hours, [appointment('a', '09:00', '11:50')], ['p'], 0, 15, 3)).toEqual([]);
  });
});

describe('withinHours', () => {
  it('joins hours that touch', () => {
    expect(withinHours(hours, 'p', ms('09:45'), 30)).toBe(true);
    expect(withinHours(hours, 'p', ms('11:45'), 30)).toBe(false);
    expect(withinHours(hours, 'q', ms('09:45'), 30)).toBe(false);
  });
});

describe('typed times', () => {
  it('are tidied or left alone', () => {
    expect(tidyTime('9')).toBe('09:00');
    expect(tidyTime('9:5')).toBe('09:05');
    expect(tidyTime('1430')).toBe('14:30');
    expect(tidyTime('14.30')).toBe('14:30');
    expect(tidyTime('25:00')).toBe('25:00');
    expect(isTime('24:00')).toBe(false);
  });
});

describe('dayLimits', () => {
  it('shows what lies outside the working day', () => {
    expect(dayLimits([{ start: '2026-11-24T06:45:00', end: '2026-11-24T07:15:00' }])).toEqual({
      min: 6,
      max: 17,
    });
    expect(dayLimits([{ start: '2026-11-24T18:00:00', end: '2026-11-24T19:10:00' }]).max).toBe(20);
    expect(dayLimits([{ start: '2026-11-24T23:00:00', end: '2026-11-25T00:30:00' }]).max).toBe(24);
  });
});
