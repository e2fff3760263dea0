import { UnstyledButton } from '@mantine/core';
import type { ChartView } from '../../shared/bindings.ts';
import { Card } from '../../shared/components/Card.tsx';
import { Empty } from '../../shared/components/Empty.tsx';
import { StandingMark } from '../../shared/components/Standing.tsx';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from '../frame/clinic.tsx';
import type { ChartTab } from '../frame/place.tsx';
import css from './Chart.module.css';
import { NoteRow } from './NotesTab.tsx';
import { grouped, SeriesPlot } from './SeriesPlot.tsx';

const NOTES = 3;
const ENCOUNTERS = 5;
const PLOTS = 4;
const LABS = 4;

/** The chart at a glance: what was measured, what was written, who was seen. */
export function Summary({ chart, show }: { chart: ChartView; show: (tab: ChartTab) => void }) {
  const { t } = useWords();
  const { time } = useClinic();
  const vitals = grouped(chart.vitals).slice(0, PLOTS);
  const labs = chart.labs.slice(0, LABS);
  return (
    <div className={css.summary}>
      <Card title={t('chart.vitals')} testId="chart-vitals-card">
        {vitals.length === 0 ? (
          <Empty title={t('chart.noVitals')} hint={t('chart.noVitalsHint')} />
        ) : (
          <div className={css.plots}>
            {vitals.map(({ key, series }) => (
              <SeriesPlot
                key={key}
                series={series}
                height={112}
                {...(series.length > 1 ? { name: t('vitals.bloodPressure') } : {})}
              />
            ))}
          </div>
        )}
      </Card>
      {labs.length > 0 && (
        <Card
          title={t('chart.labs')}
          aside={
            <UnstyledButton className={css.more} onClick={() => show('results')}>
              {t('chart.tabs.results')}
            </UnstyledButton>
          }
        >
          <div className={css.plots}>
            {labs.map((series) => (
              <SeriesPlot key={series.code} series={[series]} height={112} />
            ))}
          </div>
        </Card>
      )}
      <Card
        title={t('chart.lastNotes')}
        aside={
          chart.notes.length > NOTES && (
            <UnstyledButton className={css.more} onClick={() => show('notes')}>
              {t('chart.tabs.notes')} ({chart.notes.length})
            </UnstyledButton>
          )
        }
      >
        {chart.notes.length === 0 ? (
          <Empty title={t('chart.noNotes')} hint={t('chart.noNotesHint')} />
        ) : (
          <ul className={css.rows}>
            {chart.notes.slice(0, NOTES).map((line) => (
              <NoteRow key={line.reference} line={line} patient={chart.patient.id} />
            ))}
          </ul>
        )}
      </Card>
      <Card
        title={t('chart.lastEncounters')}
        aside={
          chart.encounters.length > 0 && (
            <UnstyledButton className={css.more} onClick={() => show('timeline')}>
              {t('chart.showTimeline', { count: chart.encounters.length + chart.others.length })}
            </UnstyledButton>
          )
        }
      >
        {chart.encounters.length === 0 ? (
          <Empty title={t('chart.noEncounters')} hint={t('chart.noEncountersHint')} />
        ) : (
          <ul className={css.rows}>
            {chart.encounters.slice(0, ENCOUNTERS).map((line) => (
              <li key={line.reference} className={css.row}>
                <span className={css.when}>{line.start ? time.date(line.start) : ''}</span>
                <span className={css.what}>
                  {line.text}
                  {line.reason && <span className="dim"> · {line.reason}</span>}
                </span>
                <span className="dim small one-line">{line.practitioner}</span>
                <StandingMark standing={line.standing} />
              </li>
            ))}
          </ul>
        )}
      </Card>
      <Card title={t('chart.immunizations')} testId="chart-immunizations">
        {chart.immunizations.length === 0 ? (
          <p className={css.none}>{t('chart.noImmunizations')}</p>
        ) : (
          <ul className={css.rows}>
            {chart.immunizations.map((item) => (
              <li key={item.reference} className={css.row}>
                <span className={css.when}>{time.date(item.since)}</span>
                <span className={css.what}>{item.text}</span>
                <span className="dim small">{item.detail}</span>
                <StandingMark standing={item.standing} />
              </li>
            ))}
          </ul>
        )}
      </Card>
    </div>
  );
}
