import { Table } from '@mantine/core';
import { useState } from 'react';
import type { ChartView, Series } from '../../shared/bindings.ts';
import { Card } from '../../shared/components/Card.tsx';
import { Empty } from '../../shared/components/Empty.tsx';
import { StandingMark } from '../../shared/components/Standing.tsx';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from '../frame/clinic.tsx';
import css from './Chart.module.css';
import { unitOf, written } from './plot-scale.ts';
import { grouped, SeriesPlot } from './SeriesPlot.tsx';

/** Values shown in a table before the rest is asked for. */
const FIRST = 6;

/** Every series as a plot with its table, then what is not a number. */
export function Results({ chart }: { chart: ChartView }) {
  const { t } = useWords();
  const { time } = useClinic();
  return (
    <div className={css.summary}>
      <Card title={t('chart.vitals')}>
        {chart.vitals.length === 0 ? (
          <Empty title={t('chart.noVitals')} hint={t('chart.noVitalsHint')} />
        ) : (
          grouped(chart.vitals).map(({ key, series }) => <Measured key={key} series={series} />)
        )}
      </Card>
      <Card title={t('chart.labs')}>
        {chart.labs.length === 0 ? (
          <Empty title={t('chart.noLabs')} hint={t('chart.noLabsHint')} />
        ) : (
          chart.labs.map((series) => <Measured key={series.code} series={[series]} />)
        )}
      </Card>
      {chart.findings.length > 0 && (
        <Card title={t('chart.findings')}>
          <ul className={css.rows}>
            {chart.findings.map((finding) => (
              <li key={`${finding.reference} ${finding.name}`} className={css.row}>
                <span className={css.when}>{finding.when ? time.date(finding.when) : ''}</span>
                <span className={css.what}>{finding.name}</span>
                <span>
                  {finding.value} <StandingMark standing={finding.standing} />
                </span>
              </li>
            ))}
          </ul>
        </Card>
      )}
    </div>
  );
}

function Measured({ series }: { series: readonly Series[] }) {
  const { t } = useWords();
  const { time } = useClinic();
  const [all, setAll] = useState(false);
  const first = series[0];
  if (!first) {
    return null;
  }
  const byTime = new Map<string, (Series['points'][number] | undefined)[]>();
  series.forEach((one, index) => {
    for (const point of one.points) {
      const row = byTime.get(point.at) ?? series.map(() => undefined);
      row[index] = point;
      byTime.set(point.at, row);
    }
  });
  const rows = [...byTime.entries()].reverse();
  const shown = all ? rows : rows.slice(0, FIRST);
  return (
    <div className={css.measured}>
      <SeriesPlot
        series={series}
        height={168}
        {...(series.length > 1 ? { name: t('vitals.bloodPressure') } : {})}
      />
      <div>
        <Table className={css.values} verticalSpacing={3} horizontalSpacing={8}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t('chart.table.when')}</Table.Th>
              <Table.Th className={css.number}>
                {t('chart.table.value')} <span className="dim">{unitOf(first)}</span>
              </Table.Th>
              <Table.Th>{t('chart.table.mark')}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {shown.map(([at, points]) => {
              const mark = points.find((point) => point?.mark)?.mark as 'low' | 'high' | undefined;
              const standing = points.find((point) => point)?.standing ?? 'confirmed';
              return (
                <Table.Tr key={at}>
                  <Table.Td>{time.dateTime(at)}</Table.Td>
                  <Table.Td className={css.number}>
                    <span className={css.value} data-mark={mark}>
                      {points.map((point) => (point ? written(point.value) : '–')).join('/')}
                    </span>{' '}
                    <StandingMark standing={standing} />
                  </Table.Td>
                  <Table.Td>
                    {mark ? <span className={css.markWord}>{t(`chart.${mark}`)}</span> : ''}
                  </Table.Td>
                </Table.Tr>
              );
            })}
          </Table.Tbody>
        </Table>
        {rows.length > FIRST && (
          <button type="button" className={css.past} onClick={() => setAll((was) => !was)}>
            {all ? t('chart.side.hidePast') : t('chart.older', { count: rows.length - FIRST })}
          </button>
        )}
      </div>
    </div>
  );
}
