// The call beside the chart: pictures, how it stands, devices, and two ways to end.
import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { CallView, DeviceTroubleView, VisitStage } from '../../shared/bindings.ts';
import { FaultNote } from '../../shared/components/FaultNote.tsx';
import { useAction } from '../../shared/hooks/use-action.tsx';
import { ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import { Panel } from '../frame/Panel.tsx';
import { useWorkspace } from '../frame/workspace.tsx';
import { audience } from './company.ts';
import { Controls, Devices } from './Devices.tsx';
import { GuestPictures } from './GuestPictures.tsx';
import { Guests } from './Guests.tsx';
import { Picture } from './Picture.tsx';
import { Share, Shown } from './Share.tsx';
import { useCall, useCallAgain, useVisits } from './use-call.ts';
import css from './Visits.module.css';
import { useAdmit } from './VisitsScreen.tsx';

/** Nobody is to be asked in while the two sides are at it. */
const UNDER_WAY: readonly VisitStage[] = ['admitted', 'connecting', 'talking', 'ended'];

/** Addresses of the pictures, each for one use. */
function usePictures(shown: string) {
  const pictures = useQuery({
    queryKey: ['call-pictures', shown],
    queryFn: () => ipc.callPictures(),
    gcTime: 0,
    staleTime: Number.POSITIVE_INFINITY,
  });
  return pictures.data ?? null;
}

/** The patient, and the user in a corner. Drawn anew, it asks for new addresses. */
export function Pictures({
  place,
  alone,
  showing = null,
}: {
  place: string;
  alone?: boolean;
  /** To whom a window or a screen is shown. */
  showing?: ReturnType<typeof audience> | null;
}) {
  const { t } = useWords();
  const pictures = usePictures(place);
  return (
    <div className={css.picture}>
      <Picture url={pictures?.theirs} label={t('visits.theirs')} testId={`visit-${place}theirs`} />
      {!alone && (
        <Picture
          url={pictures?.own}
          label={showing ? t(`visits.share.seen.${showing}`) : t('visits.own')}
          small
          testId={`visit-${place}own`}
        />
      )}
    </div>
  );
}

/** How the call stands, in words. */
export function Standing({ call }: { call: CallView }) {
  const { t } = useWords();
  return (
    <p role="status" className={css.standing} data-testid="visit-standing" data-state={call.state}>
      {call.state === 'talking'
        ? t(`visits.quality.${call.quality}`)
        : t(`visits.states.${call.state}`)}
    </p>
  );
}

/** What happened to a device, and what it means for those who talk. */
function Trouble({ trouble, call }: { trouble: DeviceTroubleView; call: CallView }) {
  const { t } = useWords();
  return (
    <p
      role="alert"
      className={css.trouble}
      data-testid="visit-trouble"
      data-kind={trouble.kind}
      data-loss={trouble.loss}
    >
      {t(`visits.trouble.${trouble.loss}`, { name: trouble.name })}{' '}
      {trouble.instead
        ? t('visits.trouble.instead', { instead: trouble.instead })
        : audience(call) === 'patient'
          ? t(`visits.trouble.none.patient.${trouble.kind}`)
          : t(`visits.trouble.none.everybody.${trouble.kind}`)}
    </p>
  );
}

/** The call, in the workspace. */
export default function VisitPanel({ appointment }: { appointment: string }) {
  const { t } = useWords();
  const { close } = useWorkspace();
  const visits = useVisits();
  const visit = visits.data?.visits.find((one) => one.appointment === appointment);
  const call = useCall(true);
  const ours = call?.appointment === appointment ? call : null;
  const again = useCallAgain();
  const endCall = useAction(async () => {
    await ipc.endCall(appointment);
    await again();
  });
  const endVisit = useAction(async () => {
    await ipc.endVisit(appointment);
    close();
  });
  return (
    <Panel
      title={visit?.patientName ?? t('visits.title')}
      aside={visit && t(`visits.stages.${visit.stage}`)}
      testId="visit-panel"
      foot={
        <div className={css.controls}>
          {ours && (
            <Button
              variant="default"
              loading={endCall.running}
              onClick={() => endCall.run()}
              data-testid="visit-end-call"
            >
              {t('visits.endCall')}
            </Button>
          )}
          <Button
            color="red"
            variant="light"
            loading={endVisit.running}
            onClick={() => endVisit.run()}
            data-testid="visit-end"
          >
            {t('visits.endVisit')}
          </Button>
        </div>
      }
    >
      {ours && <Pictures place="" showing={ours.sharing === null ? null : audience(ours)} />}
      {ours && visit && <GuestPictures guests={visit.guests} calls={ours.guests} />}
      {ours && <Standing call={ours} />}
      {ours && <Shown call={ours} />}
      {ours?.troubles.map((trouble) => (
        <Trouble key={trouble.kind} trouble={trouble} call={ours} />
      ))}
      {visit && !UNDER_WAY.includes(visit.stage) && <AskIn visit={visit} />}
      {ours && <Controls call={ours} />}
      {visit && <Guests visit={visit} call={ours} />}
      {ours && <Share call={ours} />}
      {ours && <Devices call={ours} />}
      {endCall.fault && <FaultNote fault={endCall.fault} compact />}
      {endVisit.fault && <FaultNote fault={endVisit.fault} compact />}
      <p className="dim small">{t('visits.notRecorded')}</p>
    </Panel>
  );
}

function AskIn({ visit }: { visit: Parameters<typeof useAdmit>[0] }) {
  const { t } = useWords();
  const admit = useAdmit(visit);
  return (
    <div className={css.askIn}>
      <p>{t(visit.since === null ? 'visits.away' : 'visits.there')}</p>
      {visit.since !== null && (
        <Button
          loading={admit.running}
          onClick={() => admit.run()}
          data-autofocus
          data-testid="visit-ask-in"
        >
          {t(visit.stage === 'waiting' ? 'visits.askIn' : 'visits.askBack')}
        </Button>
      )}
      {admit.fault && <FaultNote fault={admit.fault} compact />}
    </div>
  );
}
