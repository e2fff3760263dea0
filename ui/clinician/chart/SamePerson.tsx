// That this person has other records, and where what they hold is.
import { Button } from '@mantine/core';
import type { ChartView, EarlierRecord, PatientRow } from '../../shared/bindings.ts';
import { FaultNote } from '../../shared/components/FaultNote.tsx';
import { IconAlertTriangle, IconHistory } from '../../shared/components/icons.ts';
import { useUndoMerge } from '../../shared/hooks/use-undo-merge.ts';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from '../frame/clinic.tsx';
import { usePlace } from '../frame/place.tsx';
import css from './SamePerson.module.css';

function Undo({ replaced }: { replaced: string }) {
  const { t } = useWords();
  const { can } = useClinic();
  const undo = useUndoMerge(replaced);
  if (!can('merge-patients')) {
    return null;
  }
  return (
    <>
      <Button
        size="xs"
        variant="default"
        onClick={() => undo.run()}
        loading={undo.running}
        data-testid="undo-merge"
      >
        {t('same.undo')}
      </Button>
      {undo.fault && <FaultNote fault={undo.fault} compact />}
    </>
  );
}

function Replaced({ patient }: { patient: PatientRow }) {
  const { t } = useWords();
  const { go } = usePlace();
  const survivor = patient.replacedBy;
  if (!survivor) {
    return null;
  }
  return (
    <div className={css.note} data-warns data-testid="merged-into">
      <IconAlertTriangle size={15} aria-hidden />
      <p>
        <bdi>{t('same.bannerInto', { name: survivor.name })}</bdi>
      </p>
      <Button
        size="xs"
        onClick={() => go({ screen: 'chart', patient: survivor.id })}
        data-testid="open-survivor"
      >
        {t('same.openSurvivor')}
      </Button>
      <Undo replaced={patient.id} />
    </div>
  );
}

function Earlier({ earlier }: { earlier: EarlierRecord }) {
  const { t } = useWords();
  const { go } = usePlace();
  const { patient, shown } = earlier;
  const who = {
    name: patient.name,
    mrn: patient.mrn ? t('same.mrn', { mrn: patient.mrn }) : t('same.noMrn'),
  };
  return (
    <div className={css.note} data-warns={!shown || undefined} data-testid="earlier-record">
      {shown ? <IconHistory size={15} aria-hidden /> : <IconAlertTriangle size={15} aria-hidden />}
      <p>
        <bdi>{t(shown ? 'same.earlierShown' : 'same.earlierClosed', who)}</bdi>
      </p>
      <Button
        size="xs"
        variant="default"
        onClick={() => go({ screen: 'chart', patient: patient.id })}
        data-testid="open-earlier"
      >
        {t('same.openEarlier')}
      </Button>
      <Undo replaced={patient.id} />
    </div>
  );
}

/** Other records of the chart's patient, under the banner. */
export function SamePerson({ chart }: { chart: ChartView }) {
  return (
    <>
      <Replaced patient={chart.patient} />
      {chart.earlier.map((earlier) => (
        <Earlier key={earlier.patient.id} earlier={earlier} />
      ))}
    </>
  );
}
