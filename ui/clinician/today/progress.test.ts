import { describe, expect, it } from 'vitest';
import type { AppointmentView, Progress } from '../../shared/bindings.ts';
import { nextStep, nextUp, stepBack } from './progress.ts';

const appointment = (id: string, progress: Progress, since: string | null = null) =>
  ({ id, progress, since, start: `2026-11-24T0${id}:00:00Z` }) as AppointmentView;

describe('nextUp', () => {
  it('is who is in the room, then who waits longest, then who comes next', () => {
    const booked = appointment('9', 'booked');
    const late = appointment('8', 'arrived', '2026-11-24T08:30:00Z');
    const early = appointment('7', 'arrived', '2026-11-24T08:10:00Z');
    const inside = appointment('6', 'in-room');
    expect(nextUp([booked, late, early, inside])?.id).toBe('6');
    expect(nextUp([booked, late, early])?.id).toBe('7');
    expect(nextUp([appointment('1', 'done'), booked])?.id).toBe('9');
    expect(nextUp([appointment('1', 'done'), appointment('2', 'no-show')])).toBeNull();
  });
});

describe('steps', () => {
  it('go forward and back by the same way', () => {
    for (const progress of ['booked', 'arrived', 'in-room'] as const) {
      const next = nextStep(progress);
      expect(next && stepBack(next)).toBe(progress);
    }
    expect(nextStep('done')).toBeNull();
    expect(stepBack('cancelled')).toBeNull();
  });
});
