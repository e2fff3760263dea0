// Appointments and hours of the fake clinic's week.
import type { AppointmentView, PatientRow, Progress, WorkingHours } from '../../shared/bindings.ts';
import { addDays } from '../../shared/time.ts';
import { DAY, PRACTITIONERS } from './people.ts';

const OFFSET = '-05:00';
const REASONS = [
  'Diabetes follow-up',
  'Blood pressure check',
  'Cough for two weeks, fever at night',
  'Well-child visit',
  'Knee pain after a fall',
  'Medication review',
  'Annual physical',
  'Results',
];

function at(day: string, minutes: number): string {
  const two = (n: number) => String(n).padStart(2, '0');
  return `${day}T${two(Math.floor(minutes / 60))}:${two(minutes % 60)}:00${OFFSET}`;
}

function progressOf(practitioner: number, slot: number): [Progress, string | null] {
  if (slot < 3) {
    return ['done', null];
  }
  if (practitioner === 0) {
    if (slot === 3) {
      return ['no-show', null];
    }
    if (slot === 4) {
      return ['in-room', at(DAY, 10 * 60 + 20)];
    }
    if (slot === 5) {
      return ['arrived', at(DAY, 10 * 60 + 22)];
    }
  }
  return slot === 3 ? ['done', null] : slot === 4 ? ['arrived', at(DAY, 625)] : ['booked', null];
}

/** A week of appointments round today. */
export function appointments(patients: readonly PatientRow[]): AppointmentView[] {
  const all: AppointmentView[] = [];
  for (let d = -1; d < 4; d += 1) {
    const day = addDays(DAY, d);
    PRACTITIONERS.forEach((practitioner, p) => {
      for (let slot = 0; slot < 12; slot += 1) {
        if ((slot * 5 + p * 3 + d * 2 + 20) % 7 === 0 && !(d === 0 && p === 0)) {
          continue;
        }
        const start = 8 * 60 + 30 + slot * 30 + (slot > 6 ? 60 : 0);
        const patient = patients[(slot + p * 4 + (d + 1) * 5) % 16] as PatientRow;
        const [progress, since] =
          d < 0
            ? (['done', null] as const)
            : d > 0
              ? (['booked', null] as const)
              : progressOf(p, slot);
        all.push({
          id: `app-${d}-${p}-${slot}`,
          start: at(day, start),
          end: at(day, start + (slot % 4 === 2 ? 20 : 30)),
          patient: patient.id,
          patientName: patient.name,
          patientDetail: [patient.age, patient.sex].filter(Boolean).join(' · '),
          practitioner: practitioner.id,
          practitionerName: practitioner.name,
          place: `Room ${p + 1}`,
          reason: REASONS[(slot + p) % REASONS.length] as string,
          progress: d === 1 && slot === 4 && p === 1 ? 'cancelled' : progress,
          since,
          cancelledBecause: d === 1 && slot === 4 && p === 1 ? 'Patient asked' : null,
          standing: d === 0 && p === 0 && slot === 8 ? 'saved' : 'confirmed',
        });
      }
    });
  }
  return all;
}

/** Morning and afternoon of each practitioner. */
export function hours(): WorkingHours[] {
  const all: WorkingHours[] = [];
  for (let d = -1; d < 4; d += 1) {
    const day = addDays(DAY, d);
    PRACTITIONERS.forEach((practitioner, p) => {
      all.push({ practitioner: practitioner.id, start: at(day, 510), end: at(day, 720) });
      if (p !== 3) {
        all.push({ practitioner: practitioner.id, start: at(day, 780), end: at(day, 1020) });
      }
    });
  }
  return all;
}
