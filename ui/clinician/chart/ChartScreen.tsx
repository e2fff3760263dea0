import { FaultNote } from '../../shared/components/FaultNote.tsx';
import { Page } from '../../shared/components/Page.tsx';
import { SkeletonRows } from '../../shared/components/SkeletonRows.tsx';
import { useView } from '../../shared/hooks/use-view.ts';
import { faultOf, ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import type { ChartTab } from '../frame/place.tsx';
import { CHART_TYPES } from './types.ts';

/** A patient's chart. */
export function ChartScreen({ patient }: { patient: string; tab: ChartTab }) {
  const { t } = useWords();
  const chart = useView({
    key: ['chart', patient],
    read: (cause) => ipc.openChart(patient, cause),
    on: { types: CHART_TYPES, patient },
  });
  if (chart.data) {
    return (
      <Page title={chart.data.patient.name}>
        <ul>
          {chart.data.problems.map((item) => (
            <li key={item.reference}>{item.text}</li>
          ))}
        </ul>
      </Page>
    );
  }
  return chart.error ? (
    <FaultNote fault={faultOf(chart.error)} again={() => chart.refetch()} />
  ) : (
    <Page title={t('common.loading')}>
      <SkeletonRows />
    </Page>
  );
}
