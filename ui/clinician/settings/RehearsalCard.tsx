// Rehearsing a downtime: for administrators. Begins, ends, and tells what it showed.
import { Button, Modal, NativeSelect } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useState } from 'react';
import type { RehearsalReport } from '../../shared/bindings.ts';
import { Card } from '../../shared/components/Card.tsx';
import { FaultNote } from '../../shared/components/FaultNote.tsx';
import { useAction } from '../../shared/hooks/use-action.tsx';
import { useActionWords } from '../../shared/hooks/use-names.ts';
import { useNow } from '../../shared/hooks/use-now.ts';
import { useLeft } from '../../shared/hooks/use-spans.ts';
import { useView } from '../../shared/hooks/use-view.ts';
import { faultOf, ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from '../frame/clinic.tsx';
import { useSession } from '../frame/session.tsx';
import css from './SettingsScreen.module.css';

const MINUTES = [5, 15, 30, 60, 120, 240];

/** Bars of what worked and what did not, as a table that is read without them. */
function Counts({ report }: { report: RehearsalReport }) {
  const { t } = useWords();
  const words = useActionWords();
  const rows = [
    ...report.blocked.map((count) => ({ ...count, failed: true })),
    ...report.worked.map((count) => ({ ...count, failed: false })),
  ];
  const most = Math.max(1, ...rows.map((row) => row.times));
  if (rows.length === 0) {
    return null;
  }
  return (
    <table className={css.counts} data-testid="rehearsal-counts">
      <thead>
        <tr>
          <th scope="col">{t('rehearsal.what')}</th>
          <th scope="col">{t('rehearsal.outcome')}</th>
          <th scope="col">{t('rehearsal.times')}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={`${row.what} ${row.failed}`} data-failed={row.failed || undefined}>
            <th scope="row">{words(row.what)}</th>
            <td>{t(row.failed ? 'rehearsal.failed' : 'rehearsal.worked')}</td>
            <td>
              <span className={css.bar} style={{ width: `${(row.times / most) * 64}%` }} />
              <span className="num">{row.times}</span>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Report({ report }: { report: RehearsalReport }) {
  const { t } = useWords();
  const { time } = useClinic();
  const now = useNow();
  const blocked = report.blocked.reduce((sum, count) => sum + count.times, 0);
  const from = time.shortly(report.from, now);
  return (
    <div data-testid="rehearsal-report">
      <h3 className={css.sub}>{t('rehearsal.report')}</h3>
      <p className="dim small">
        {report.running
          ? t('rehearsal.reportSoFar', { from })
          : t('rehearsal.reportOf', { from, until: time.shortly(report.until, now) })}
      </p>
      <p>
        {t('rehearsal.done', { count: report.done })}{' '}
        {blocked > 0 ? t('rehearsal.blocked', { count: blocked }) : t('rehearsal.nothingBlocked')}
      </p>
      <Counts report={report} />
    </div>
  );
}

/** The card of the Settings screen. */
export function RehearsalCard() {
  const { t } = useWords();
  const { time } = useClinic();
  const { sync } = useSession();
  const now = useNow();
  const left = useLeft();
  const [minutes, setMinutes] = useState(30);
  const [asking, setAsking] = useState(false);
  const running = sync?.rehearsal ?? null;
  const last = useView({
    // Another report when it begins and ends, and one for each minute of it.
    key: ['rehearsal', running?.minutesLeft ?? null],
    read: () => ipc.rehearsalReport(),
    on: { types: [] },
    keepLast: true,
  });
  const start = useAction(async () => {
    await ipc.startRehearsal(minutes);
    setAsking(false);
  });
  const stop = useAction(async () => {
    await ipc.stopRehearsal();
    notifications.show({ message: t('rehearsal.stopped') });
    await last.refetch();
  });
  const words = (count: number) =>
    count < 60
      ? t('rehearsal.minutesValue', { count })
      : t('rehearsal.hoursValue', { count: count / 60 });
  return (
    <Card title={t('rehearsal.title')} testId="rehearsal">
      <div className={css.rows}>
        <p className="dim">{t('rehearsal.lead')}</p>
        {running ? (
          <div className={css.row}>
            <p>
              {t('rehearsal.runs', {
                until: time.shortly(running.until, now),
                left: left(running.minutesLeft),
              })}
            </p>
            <Button
              variant="default"
              loading={stop.running}
              onClick={() => stop.run()}
              data-testid="rehearsal-stop"
            >
              {t('rehearsal.stop')}
            </Button>
          </div>
        ) : (
          <div className={css.row}>
            <NativeSelect
              label={t('rehearsal.minutes')}
              value={String(minutes)}
              onChange={(event) => setMinutes(Number(event.currentTarget.value))}
              data={MINUTES.map((count) => ({ value: String(count), label: words(count) }))}
              data-testid="rehearsal-minutes"
            />
            <Button
              variant="default"
              onClick={() => setAsking(true)}
              style={{ alignSelf: 'end' }}
              data-testid="rehearsal-start"
            >
              {t('rehearsal.start')}
            </Button>
          </div>
        )}
        {stop.fault && <FaultNote fault={stop.fault} compact />}
        {last.error && <FaultNote fault={faultOf(last.error)} again={() => last.refetch()} />}
        {last.data && <Report report={last.data} />}
        {last.data === null && <p className="dim">{t('rehearsal.none')}</p>}
      </div>
      <Modal
        opened={asking}
        onClose={() => setAsking(false)}
        title={t('rehearsal.startTitle')}
        closeButtonProps={{ 'aria-label': t('common.close') }}
      >
        <p>{t('rehearsal.startBody', { time: words(minutes) })}</p>
        {start.fault && <FaultNote fault={start.fault} compact />}
        <div className={css.ask}>
          <Button variant="default" onClick={() => setAsking(false)} data-autofocus>
            {t('common.cancel')}
          </Button>
          <Button
            loading={start.running}
            onClick={() => start.run()}
            data-testid="rehearsal-confirm"
          >
            {t('rehearsal.start')}
          </Button>
        </div>
      </Modal>
    </Card>
  );
}
