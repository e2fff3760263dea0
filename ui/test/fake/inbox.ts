import type { InboxView } from '../../shared/bindings.ts';

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
  };
}

/** An inbox with nothing in it. */
export function nothingWaits(): InboxView {
  return { conflicts: [], refused: [], unreadable: [] };
}

/** What the rail counts. */
export function waitingIn(inbox: InboxView): number {
  return inbox.conflicts.length + inbox.refused.length + inbox.unreadable.length;
}
