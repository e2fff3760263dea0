import type { InboxView } from '../../shared/bindings.ts';

/** Two conflicts and a refusal. */
export function inboxOf(): InboxView {
  return {
    conflicts: [
      {
        id: 'conflict-1',
        reference: 'Patient/pat-13',
        title: 'Patient · Wanjiru Kamau',
        mineAt: '2026-11-24T09:48:00-05:00',
        theirsAt: '2026-11-24T09:51:00-05:00',
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
  };
}
