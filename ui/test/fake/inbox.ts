import type { InboxView, PatientRow } from '../../shared/bindings.ts';

function row(id: string, name: string, mrn: string, phone: string): PatientRow {
  return {
    id,
    name,
    birthDate: '1979-09-01',
    age: '47 y',
    sex: 'male',
    mrn,
    phone,
    lastSeen: null,
    replacedBy: null,
    standing: 'confirmed',
  };
}

/** A conflict, a refusal, and something that could not be read. */
export function inboxOf(): InboxView {
  return {
    conflicts: [
      {
        id: 'conflict-1',
        reference: 'Patient/pat-13',
        title: 'Patient · Wanjiru Kamau',
        mineAt: '2026-11-24T09:48:00-05:00',
        theirsAt: '2026-11-24T09:51:00-05:00',
        mineBy: 'Dr. Maren Lindqvist',
        theirsBy: 'Jonas Weber',
        mineDeleted: false,
        theirsDeleted: false,
        fields: [
          {
            path: 'Patient.telecom[0].value',
            base: '(555) 0132-4485',
            mine: '(555) 0132-4458',
            theirs: '(555) 0177-9020',
            touching: true,
          },
          {
            path: 'Patient.address[0].line',
            base: '4 Mill Lane',
            mine: '4 Mill Lane, flat 2',
            theirs: '4 Mill Lane, second floor',
            touching: true,
          },
          {
            path: 'Patient.address[0].postalCode',
            base: '03801',
            mine: '03801',
            theirs: '03802',
            touching: false,
          },
        ],
      },
    ],
    refused: [
      {
        id: 'refused-1',
        reference: 'Appointment/app-x',
        title: 'Appointment · Tomasz Wiśniewski, 24 Nov 11:00',
        code: 'time-taken',
        reason: 'Dr. Tobias Ekwueme already has an appointment from 11:00 to 11:30.',
        madeAt: '2026-11-24T09:20:00-05:00',
      },
    ],
    unreadable: [
      {
        reference: 'Observation/obs-77',
        title: 'Observation · Ada Okafor',
        code: 'unreadable',
        reason:
          'Its content is not what a record of this kind must be. What this computer had of it before is unchanged.',
        arrivedAt: '2026-11-23T16:02:00-05:00',
      },
    ],
    pairs: [
      {
        one: {
          patient: row('pat-14', 'Tomasz Wiśniewski', 'MR-104325', '(555) 0133-4492'),
          version: 4,
          changedAt: '2026-03-02T11:20:00-05:00',
          appointments: 6,
          notes: 9,
          clinical: 41,
        },
        other: {
          patient: {
            ...row('pat-x7', 'Tomas Wisniewski', 'MR-200287', '(555) 0133-4492'),
            standing: 'saved',
          },
          version: 1,
          changedAt: '2026-11-24T09:31:00-05:00',
          appointments: 1,
          notes: null,
          clinical: null,
        },
        findings: [
          { element: 'given', agreement: 'close' },
          { element: 'family', agreement: 'same' },
          { element: 'birth-date', agreement: 'same' },
          { element: 'sex', agreement: 'same' },
          { element: 'phone', agreement: 'same' },
        ],
        fields: [
          {
            element: 'name',
            one: 'Tomasz Wiśniewski',
            other: 'Tomas Wisniewski',
            isList: true,
          },
          { element: 'identifier', one: 'MRN MR-104325', other: 'MRN MR-200287', isList: true },
          {
            element: 'telecom',
            one: '(555) 0133-4492',
            other: '(555) 0133-4492\ntw@example.org',
            isList: true,
          },
          {
            element: 'address',
            one: null,
            other: '4 Mill Lane, Portsmouth, NH 03801',
            isList: true,
          },
        ],
      },
    ],
    merges: [
      {
        replaced: {
          ...row('pat-x5', 'Rut Steinberg', 'MR-200205', '(555) 0188-1005'),
          replacedBy: { id: 'pat-16', name: 'Ruth Steinberg' },
        },
        changedAt: '2026-11-23T15:10:00-05:00',
      },
    ],
    setAside: [
      {
        id: '0199a0c2-7a11-7d0e-9c55-3f6f2b1d4e77',
        patient: 'pat-13',
        name: 'Wanjiru Kamau',
        changes: 2,
        drafts: 1,
        records: 0,
        madeAt: '2026-11-24T08:40:00-05:00',
        handed: true,
      },
    ],
  };
}

/** An inbox with nothing in it. */
export function nothingWaits(): InboxView {
  return { conflicts: [], refused: [], unreadable: [], pairs: [], merges: [], setAside: [] };
}

/** What the rail counts. */
export function waitingIn(inbox: InboxView): number {
  return (
    inbox.conflicts.length + inbox.refused.length + inbox.unreadable.length + inbox.setAside.length
  );
}
