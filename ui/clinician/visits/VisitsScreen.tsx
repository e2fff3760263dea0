// Video visits: who waits and since when, links, and asking in.
import { Button } from '@mantine/core';
import type { VisitView } from '../../shared/bindings.ts';
import { Empty } from '../../shared/components/Empty.tsx';
import { FaultNote } from '../../shared/components/FaultNote.tsx';
import { Page } from '../../shared/components/Page.tsx';
import { PersonName } from '../../shared/components/PersonName.tsx';
import { SkeletonRows } from '../../shared/components/SkeletonRows.tsx';
import { useAction } from '../../shared/hooks/use-action.tsx';
import { useNow } from '../../shared/hooks/use-now.ts';
import { faultOf, ipc } from '../../shared/ipc.ts';
import { minutesSince } from '../../shared/time.ts';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from '../frame/clinic.tsx';
import { usePlace } from '../frame/place.tsx';
import { useWorkspace } from '../frame/workspace.tsx';
import { countWaiting, isInCall } from './company.ts';
import { GuestsWaiting } from './Guests.tsx';
import { Link } from './Link.tsx';
import { useCallAgain, useVisits } from './use-call.ts';
import css from './Visits.module.css';

/** Asks the patient in, shows the call and the chart beside it. */
export function useAdmit(visit: VisitView) {
  const { open } = useWorkspace();
  const { go } = usePlace();
  const again = useCallAgain();
  return useAction(async () => {
    await ipc.admitToVisit(visit.appointment);
    go({ screen: 'chart', patient: visit.patient });
    open({ kind: 'visit', appointment: visit.appointment });
    await again();
  });
}

function Row({ visit, now }: { visit: VisitView; now: Date }) {
  const { t } = useWords();
  const { time } = useClinic();
  const { open } = useWorkspace();
  const admit = useAdmit(visit);
  const minutes = visit.since ? minutesSince(visit.since, now) : null;
  const there = visit.since !== null;
  const inCall = isInCall(visit.stage);
  const guests = visit.canInvite || visit.guests.length > 0;
  return (
    <li
      className={css.row}
      data-testid="visit-row"
      data-stage={visit.stage}
      data-appointment={visit.appointment}
    >
      <span className={css.time}>{visit.start && time.time(visit.start)}</span>
      <span className={css.who}>
        <PersonName name={visit.patientName} />
        <span className="dim small one-line">{visit.patientDetail}</span>
        {visit.said && (
          <span className="small" data-testid="visit-said">
            {t('visits.said')} <bdi>{visit.said}</bdi>
          </span>
        )}
      </span>
      <span className={css.stage}>
        <span>
          {t(`visits.stages.${visit.stage}`)}
          {minutes !== null && ` · ${t('progress.minutes', { count: minutes })}`}
        </span>
        <GuestsWaiting visit={visit} now={now} />
      </span>
      <span className={css.acts}>
        {there && (
          <Button
            size="xs"
            loading={admit.running}
            onClick={(event) => event.detail < 2 && admit.run()}
            data-testid="visit-admit"
          >
            {t(inCall ? 'visits.askBack' : 'visits.askIn')}
          </Button>
        )}
        {(inCall || guests) && (
          <Button
            size="xs"
            variant="default"
            onClick={() => open({ kind: 'visit', appointment: visit.appointment })}
            data-testid="visit-open"
          >
            {t(inCall ? 'visits.show' : 'visits.guests.open')}
          </Button>
        )}
        <Link appointment={visit.appointment} again />
        {admit.fault && <FaultNote fault={admit.fault} compact />}
      </span>
    </li>
  );
}

/** The screen Visits. */
export function VisitsScreen() {
  const { t } = useWords();
  const { go } = usePlace();
  const now = useNow(15_000);
  const visits = useVisits();
  const view = visits.data;
  const waiting = countWaiting(view?.visits ?? []);
  return (
    <Page
      title={t('visits.title')}
      testId="visits"
      aside={waiting > 0 && t('visits.waiting', { count: waiting })}
    >
      {visits.error && !view && (
        <FaultNote fault={faultOf(visits.error)} again={() => visits.refetch()} />
      )}
      {!visits.error && !view && <SkeletonRows rows={4} columns={[1, 4, 2, 2]} height={48} />}
      {view && !view.heard && <p className={css.unheard}>{t('visits.unheard')}</p>}
      {view && view.visits.length === 0 && (
        <Empty title={t('visits.none')} hint={t('visits.noneHint')}>
          <Button variant="default" onClick={() => go({ screen: 'schedule' })}>
            {t('today.noneAct')}
          </Button>
        </Empty>
      )}
      {view && view.visits.length > 0 && (
        <ul className={css.list}>
          {view.visits.map((visit) => (
            <Row key={visit.appointment} visit={visit} now={now} />
          ))}
        </ul>
      )}
    </Page>
  );
}
