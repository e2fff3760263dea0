import type { RehearsalReport } from '../../shared/bindings.ts';

/** What half an hour without the server showed. */
export function rehearsed(running: boolean): RehearsalReport {
  return {
    from: '2026-11-24T10:04:00-05:00',
    until: '2026-11-24T10:34:00-05:00',
    running,
    done: 61,
    worked: [
      { what: 'chart-opened', times: 24 },
      { what: 'patients-searched', times: 19 },
      { what: 'vitals-recorded', times: 11 },
      { what: 'appointment-booked', times: 7 },
    ],
    blocked: [
      { what: 'who-looked-viewed', times: 4 },
      { what: 'report-viewed', times: 2 },
      { what: 'enrolled', times: 1 },
    ],
  };
}
