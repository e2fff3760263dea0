import type { ActivityView, EventLine } from '../../shared/bindings.ts';

const ACTIONS: [string, string | null][] = [
  ['chart-opened', 'Ada Okafor'],
  ['patients-searched', null],
  ['today-viewed', null],
  ['appointment-progressed', 'Ada Okafor'],
  ['note-signed', '李秀英'],
  ['chart-opened', '李秀英'],
  ['vitals-recorded', 'محمد عبد الرحمن الأنصاري'],
  ['appointment-booked', 'Tomasz Wiśniewski'],
  ['schedule-viewed', null],
  ['today-viewed', null],
  ['unlocked', null],
];

/** Events newest first, and what waits. */
export function activityOf(total: number, offline: boolean, limit: number): ActivityView {
  const events: EventLine[] = Array.from({ length: Math.min(limit, total) }, (_, n) => {
    const [action, patient] = ACTIONS[n % ACTIONS.length] as [string, string | null];
    const at = new Date(Date.parse('2026-11-24T15:33:00Z') - n * 97_000);
    return { number: total - n, at: at.toISOString(), action, patient, sent: !offline || n > 11 };
  });
  return {
    waiting: offline
      ? [
          {
            id: 'out-1',
            title: 'Note · Ada Okafor',
            madeAt: '2026-11-24T10:12:00-05:00',
            standing: 'saved',
            tries: 4,
          },
          {
            id: 'out-2',
            title: 'Vital signs · Ada Okafor',
            madeAt: '2026-11-24T10:15:00-05:00',
            standing: 'saved',
            tries: 0,
          },
          {
            id: 'out-3',
            title: 'Appointment · Ruth Steinberg, 26 Nov 14:00',
            madeAt: '2026-11-24T10:20:00-05:00',
            standing: 'sent',
            tries: 1,
          },
        ]
      : [],
    events,
    more: total > limit,
  };
}
