// A patient's chart: the banner and the lists at the left stay, the centre changes by tab.
import { Button, Tabs } from '@mantine/core';
import { useCallback, useEffect, useState } from 'react';
import type { ChartView } from '../../shared/bindings.ts';
import { Empty } from '../../shared/components/Empty.tsx';
import { FaultNote } from '../../shared/components/FaultNote.tsx';
import { IconCalendarPlus, IconHeartbeat, IconNotes } from '../../shared/components/icons.ts';
import { SkeletonRows } from '../../shared/components/SkeletonRows.tsx';
import { useView } from '../../shared/hooks/use-view.ts';
import { faultOf, ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import { ClosedRecord, isClosed } from '../access/ClosedRecord.tsx';
import { useClinic } from '../frame/clinic.tsx';
import { type ChartTab, usePlace } from '../frame/place.tsx';
import { useWorkspace } from '../frame/workspace.tsx';
import { Banner } from './Banner.tsx';
import css from './Chart.module.css';
import { NotesTab } from './NotesTab.tsx';
import { Results } from './Results.tsx';
import { SamePerson } from './SamePerson.tsx';
import { SideLists } from './SideLists.tsx';
import { Summary } from './Summary.tsx';
import { Timeline } from './Timeline.tsx';
import { CHART_TYPES } from './types.ts';
import { WhoLooked } from './WhoLooked.tsx';

const TABS = [
  'summary',
  'timeline',
  'results',
  'notes',
  'who-looked',
] as const satisfies readonly ChartTab[];

/** Faults of a chart that is not on this computer: it goes from the screen, too. */
const AWAY = new Set(['chart-not-here', 'chart-not-given', 'chart-on-its-way']);

/** A chart that takes longer than reading it here would is being fetched: says so. */
const LONG = 600;

/** What stands where a chart will be. */
function Coming() {
  const { t } = useWords();
  const [long, setLong] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLong(true), LONG);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div className={css.alone}>
      <div role="status" data-testid="chart-fetching">
        {long && <Empty title={t('chart.fetching')} hint={t('chart.fetchingHint')} />}
      </div>
      {!long && <SkeletonRows rows={10} columns={[2, 5, 3]} />}
    </div>
  );
}

/** The chart's screen. */
export function ChartScreen({ patient, tab }: { patient: string; tab: ChartTab }) {
  const view = useView({
    key: ['chart', patient],
    read: (cause) => ipc.openChart(patient, cause),
    on: { types: CHART_TYPES, patient },
  });
  const { t } = useWords();
  const { back } = usePlace();
  const { refetch } = view;
  const again = useCallback(() => refetch(), [refetch]);
  const ended = useCallback(() => refetch({ cancelRefetch: false }), [refetch]);
  const fault = view.error ? faultOf(view.error) : null;
  // First: a record that was closed while it was on screen goes from the screen.
  if (isClosed(fault)) {
    return (
      <div className={css.alone}>
        <ClosedRecord fault={fault} patient={patient} again={again} />
      </div>
    );
  }
  if (view.data && !(fault && AWAY.has(fault.code))) {
    return <OpenChart chart={view.data} tab={tab} ended={ended} />;
  }
  if (fault) {
    return (
      <div className={css.alone}>
        {fault.code === 'not-found' ? (
          <Empty title={t('chart.gone')} hint={t('chart.goneHint')}>
            <Button variant="default" onClick={back}>
              {t('bar.back')}
            </Button>
          </Empty>
        ) : (
          <FaultNote fault={fault} again={() => void again()} />
        )}
      </div>
    );
  }
  return <Coming />;
}

function OpenChart({
  chart,
  tab,
  ended,
}: {
  chart: ChartView;
  tab: ChartTab;
  /** Asks again once access for a while has ended. */
  ended: () => unknown;
}) {
  const { t } = useWords();
  const { replace } = usePlace();
  const patient = chart.patient.id;
  const show = (next: ChartTab) => replace({ screen: 'chart', patient, tab: next });
  return (
    <section
      className={css.chart}
      aria-label={t('chart.label', { name: chart.patient.name })}
      data-testid="chart"
      data-patient={patient}
    >
      <Banner chart={chart} ended={ended} />
      <SamePerson chart={chart} />
      <div className={css.columns}>
        <SideLists chart={chart} />
        <Tabs
          value={tab}
          onChange={(next) => {
            if (next) {
              show(next as ChartTab);
            }
          }}
          keepMounted={false}
          className={css.centre}
        >
          <div className={css.bar}>
            <Tabs.List aria-label={t('chart.tabs.label')} className={css.tabs}>
              {TABS.map((name) => (
                <Tabs.Tab key={name} value={name} data-testid={`chart-tab-${name}`}>
                  {t(`chart.tabs.${name}`)}
                </Tabs.Tab>
              ))}
            </Tabs.List>
            <Acts chart={chart} />
          </div>
          <section
            className={css.scroll}
            // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls is reached by keyboard
            tabIndex={0}
            aria-label={t(`chart.tabs.${tab}`)}
          >
            <Tabs.Panel value="summary">
              <Summary chart={chart} show={show} />
            </Tabs.Panel>
            <Tabs.Panel value="timeline">
              <Timeline chart={chart} />
            </Tabs.Panel>
            <Tabs.Panel value="results">
              <Results chart={chart} />
            </Tabs.Panel>
            <Tabs.Panel value="notes">
              <NotesTab chart={chart} />
            </Tabs.Panel>
            <Tabs.Panel value="who-looked">
              <WhoLooked patient={patient} />
            </Tabs.Panel>
          </section>
        </Tabs>
      </div>
    </section>
  );
}

/** What a person does most from a chart; the role decides what is drawn. */
function Acts({ chart }: { chart: ChartView }) {
  const { t } = useWords();
  const { can } = useClinic();
  const { open } = useWorkspace();
  const patient = chart.patient.id;
  return (
    <div className={css.acts}>
      {can('book') && (
        <Button
          variant="default"
          size="xs"
          leftSection={<IconCalendarPlus size={15} aria-hidden />}
          onClick={() => open({ kind: 'booking', patient })}
          data-testid="chart-book"
        >
          {t('chart.act.book')}
        </Button>
      )}
      {can('write-chart') && (
        <Button
          variant="default"
          size="xs"
          leftSection={<IconHeartbeat size={15} aria-hidden />}
          onClick={() => open({ kind: 'vitals', patient })}
          data-testid="chart-vitals"
        >
          {t('chart.act.vitals')}
        </Button>
      )}
      {can('write-chart') && (
        <Button
          size="xs"
          leftSection={<IconNotes size={15} aria-hidden />}
          onClick={() => open({ kind: 'note', patient })}
          data-testid="chart-note"
        >
          {chart.draft === null ? t('chart.act.note') : t('chart.act.continueNote')}
        </Button>
      )}
    </div>
  );
}
