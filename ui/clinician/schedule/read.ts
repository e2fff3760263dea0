// Reading the schedule: one key for the same days, so that the calendar and the panel beside it
// share one reading.
import type { UseQueryResult } from '@tanstack/react-query';
import type { ScheduleView } from '../../shared/bindings.ts';
import { useView } from '../../shared/hooks/use-view.ts';
import { ipc } from '../../shared/ipc.ts';

const ON = {
  types: [
    'Appointment',
    'Schedule',
    'Slot',
    'Practitioner',
    'PractitionerRole',
    'Patient',
    'Location',
  ],
};

/** The schedule of some days. */
export function useSchedule(
  from: string,
  days: number,
  keepLast = false,
): UseQueryResult<ScheduleView, Error> {
  return useView({
    key: ['schedule', from, days],
    read: (cause) => ipc.schedule(from, days, cause),
    on: ON,
    keepLast,
  });
}
