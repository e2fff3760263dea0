// The call while something else is in the workspace: a small picture above the status bar, so
// that a note is written without losing sight of the patient.
import { Button } from '@mantine/core';
import type { VisitView } from '../../shared/bindings.ts';
import { useNow } from '../../shared/hooks/use-now.ts';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from '../frame/clinic.tsx';
import { useWorkspace } from '../frame/workspace.tsx';
import { GuestsWaiting } from './Guests.tsx';
import { Shown } from './Share.tsx';
import { useCall, useVisits } from './use-call.ts';
import { Pictures, Standing } from './VisitPanel.tsx';
import css from './Visits.module.css';

function Dock({ appointment, visit }: { appointment: string; visit: VisitView | undefined }) {
  const { t } = useWords();
  const { open } = useWorkspace();
  const call = useCall(true);
  const now = useNow(15_000);
  if (!call) {
    return null;
  }
  const guests = call.guests.filter((guest) => guest.state === 'talking').length;
  return (
    <section className={css.dock} aria-label={t('visits.dock')} data-testid="visit-dock">
      <Pictures place="dock-" alone />
      <Standing call={call} />
      {guests > 0 && (
        <p className={`${css.dockGuests} small`} data-testid="visit-dock-guests">
          {t('visits.guests.inCall', { count: guests })}
        </p>
      )}
      {visit && (
        <p className={css.dockGuests}>
          <GuestsWaiting visit={visit} now={now} />
        </p>
      )}
      <Shown call={call} />
      <Button size="xs" onClick={() => open({ kind: 'visit', appointment })}>
        {t('visits.show')}
      </Button>
    </section>
  );
}

/** The dock, where there is a call and the workspace shows another thing. */
export function CallDock() {
  const { can } = useClinic();
  const { panel } = useWorkspace();
  const visits = useVisits(can('read-chart'));
  const calls = visits.data?.visits.some(
    (visit) => visit.stage !== 'invited' && visit.stage !== 'waiting',
  );
  const call = useCall(calls === true);
  if (!call || panel?.kind === 'visit') {
    return null;
  }
  const visit = visits.data?.visits.find((one) => one.appointment === call.appointment);
  return <Dock appointment={call.appointment} visit={visit} />;
}
