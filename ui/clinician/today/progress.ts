// The steps of an appointment on its day: which comes next, and what it is called.
import type { AppointmentView, Progress } from '../../shared/bindings.ts';

/** Words of a state in the catalogue. */
export const PROGRESS_WORD = {
  booked: 'booked',
  arrived: 'arrived',
  'in-room': 'inRoom',
  done: 'done',
  'no-show': 'noShow',
  cancelled: 'cancelled',
} as const satisfies Record<Progress, string>;

const NEXT = { booked: 'arrived', arrived: 'in-room', 'in-room': 'done' } as const;

/** The step that usually follows, if one does. */
export function nextStep(progress: Progress): 'arrived' | 'in-room' | 'done' | null {
  return progress === 'booked' || progress === 'arrived' || progress === 'in-room'
    ? NEXT[progress]
    : null;
}

/** The state to go back to after a mistaken click, if there is one. */
export function stepBack(progress: Progress): Progress | null {
  switch (progress) {
    case 'arrived':
    case 'no-show':
      return 'booked';
    case 'in-room':
      return 'arrived';
    case 'done':
      return 'in-room';
    default:
      return null;
  }
}

/** Whether it still takes time of the day. */
export function isOpen(progress: Progress): boolean {
  return progress === 'booked' || progress === 'arrived' || progress === 'in-room';
}

/**
 * The one to look at next: who is in the room, else who has waited longest, else the first that
 * is still to come. `null` when the day is over.
 */
export function nextUp(appointments: readonly AppointmentView[]): AppointmentView | null {
  const open = appointments.filter((a) => isOpen(a.progress));
  return (
    open.find((a) => a.progress === 'in-room') ??
    [...open]
      .filter((a) => a.progress === 'arrived')
      .sort((a, b) => (a.since ?? a.start).localeCompare(b.since ?? b.start))[0] ??
    open[0] ??
    null
  );
}
