// Who looked at what in the fake clinic, and what its security officer has to look at.
import type {
  AccessPage,
  AccessRow,
  PatientRow,
  ReportForm,
  ReportSort,
  ReviewsView,
  ReviewView,
} from '../../shared/bindings.ts';

export const PAGE = 200;
const TOTAL = 640;

const USERS = [
  ['user-1', 'Dr. Maren Lindqvist', 'clinician', 'Room 2'],
  ['user-2', 'Dr. Tobias Ekwueme', 'clinician', 'Room 4'],
  ['user-3', 'Rowan Gray', 'front-desk', 'Reception left'],
  ['user-4', 'Hana Sato, NP', 'nurse', 'Treatment room, the one beside the pharmacy store'],
] as const;
const DID = [
  ['chart-opened', 'Chart opened', 'You are assigned to this patient.'],
  ['note-read', 'Note read', 'You are assigned to this patient.'],
  ['appointment-booked', 'Appointment booked', 'The front desk may see demographics.'],
  ['vitals-recorded', 'Vital signs recorded', 'The patient visits the clinic today.'],
  ['patients-searched', 'Patients searched', 'Those who treat may find patients.'],
] as const;

/** Accesses newest first: some refused, some with a reason, some in an emergency. */
export function accesses(people: readonly PatientRow[]): AccessRow[] {
  if (people.length === 0) {
    return [];
  }
  return Array.from({ length: TOTAL }, (_, n): AccessRow => {
    const [user, userName, role, deviceName] = USERS[(n * 7) % 4] as (typeof USERS)[number];
    const [actionCode, what, explanation] = DID[(n * 3) % 5] as (typeof DID)[number];
    const patient = people[n % 11];
    const emergency = n % 97 === 5;
    const justified = n % 23 === 9;
    const refused = n % 31 === 12;
    const row: AccessRow = {
      id: `event-${n}`,
      at: new Date(Date.parse('2026-11-24T15:31:00Z') - n * n * 1_370).toISOString(),
      actionCode,
      what,
      success: !refused,
      user,
      userName,
      role,
      deviceName,
      address: `10.4.2.${20 + (n % 9)}`,
      patient: patient?.id ?? null,
      patientName: patient?.name ?? null,
      explanation,
      justification: null,
      purpose: 'TREAT',
    };
    if (emergency) {
      return {
        ...row,
        actionCode: 'emergency-access',
        what: 'Emergency access',
        success: true,
        role: 'clinician',
        explanation: 'Emergency access opens one record for two hours.',
        justification: 'Brought in unconscious after a fall, allergies unknown.',
        purpose: 'ETREAT',
      };
    }
    if (justified) {
      return {
        ...row,
        explanation: 'You gave a reason for needing this record.',
        justification: 'Covering for a colleague who is away this week',
      };
    }
    return refused
      ? { ...row, explanation: 'You have no relationship with this patient.', purpose: null }
      : row;
  });
}

const FIELD: Record<ReportSort, (row: AccessRow) => string> = {
  recorded: (row) => row.at,
  user: (row) => row.userName ?? '',
  role: (row) => row.role ?? '',
  action: (row) => row.actionCode,
  outcome: (row) => String(row.success),
  patient: (row) => row.patient ?? '',
  device: (row) => row.deviceName ?? '',
};

/** A page of the rows that fit, sorted. */
export function report(rows: readonly AccessRow[], query: ReportForm): AccessPage {
  const fits = rows.filter(
    (row) =>
      (query.patient === null || row.patient === query.patient) &&
      (query.user === null || row.user === query.user) &&
      (query.from === null || Date.parse(row.at) >= Date.parse(query.from)) &&
      (query.until === null || Date.parse(row.at) < Date.parse(query.until)) &&
      (query.action === null || row.actionCode === query.action) &&
      (query.success === null || row.success === query.success),
  );
  const field = FIELD[query.sort];
  const sign = query.ascending ? 1 : -1;
  fits.sort((a, b) => sign * field(a).localeCompare(field(b)));
  const at = Number(query.cursor ?? 0);
  const next = at + PAGE;
  return {
    rows: fits.slice(at, next),
    total: fits.length,
    next: next < fits.length ? String(next) : null,
  };
}

/** Two things to review and one that was. */
export function reviewItems(people: readonly PatientRow[]): ReviewView[] {
  const patient = people[3];
  if (!patient) {
    return [];
  }
  const base = {
    event: 'event-5',
    user: null,
    userName: null,
    patient: null,
    patientName: null,
    deviceName: null,
    closed: null,
  };
  return [
    {
      ...base,
      id: 'review-1',
      kind: 'emergency',
      openedAt: '2026-11-24T09:58:00-05:00',
      user: 'user-4',
      userName: 'Hana Sato, NP',
      patient: patient.id,
      patientName: patient.name,
      deviceName: 'Treatment room',
      words: 'Brought in unconscious after a fall, allergies unknown.',
    },
    {
      ...base,
      id: 'review-2',
      kind: 'chain-broken',
      openedAt: '2026-11-22T18:20:00-05:00',
      event: null,
      deviceName: 'Reception left',
      words: 'Events 411 to 418 of this workstation never arrived; 419 does not continue 410.',
    },
    {
      ...base,
      id: 'review-3',
      kind: 'proof-refused',
      openedAt: '2026-10-02T11:05:00-04:00',
      event: null,
      user: 'user-2',
      userName: 'Dr. Tobias Ekwueme',
      deviceName: 'Room 4',
      words: 'A token of this workstation was used without its key.',
      closed: {
        at: '2026-10-02T15:40:00-04:00',
        by: 'Imani Brandt',
        finding: 'technical',
        words: 'The clock of the workstation was eleven minutes slow. Set right.',
      },
    },
  ];
}

/** Open or closed items. */
export function reviewsOf(items: readonly ReviewView[], closed: boolean): ReviewsView {
  const open = items.filter((item) => item.closed === null);
  return {
    items: closed ? items.filter((item) => item.closed !== null) : open,
    open: open.length,
    next: null,
  };
}
