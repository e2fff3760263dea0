import { ActionIcon, Tooltip, UnstyledButton } from '@mantine/core';
import { type ReactNode, useId, useState } from 'react';
import type { ChartView, ClinicalItem } from '../../shared/bindings.ts';
import { IconPencil, IconPlus } from '../../shared/components/icons.ts';
import { StandingMark } from '../../shared/components/Standing.tsx';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from '../frame/clinic.tsx';
import { useWorkspace } from '../frame/workspace.tsx';
import { warns } from './allergies.ts';
import css from './Chart.module.css';

/** Problems, allergies and medications: beside every tab, because every decision needs them. */
export function SideLists({ chart }: { chart: ChartView }) {
  const { t } = useWords();
  const { can } = useClinic();
  const { open } = useWorkspace();
  return (
    <aside className={css.side} aria-label={t('chart.side.label')}>
      <SideList
        title={t('chart.side.problems')}
        items={chart.problems}
        none={t('chart.side.noProblems')}
        testId="chart-problems"
        {...(can('write-chart')
          ? {
              change: (item: ClinicalItem) =>
                open({
                  kind: 'problem-change',
                  reference: item.reference,
                  patient: chart.patient.id,
                }),
            }
          : {})}
        act={
          can('write-chart') && (
            <Tooltip label={t('chart.act.problem')}>
              <ActionIcon
                size={24}
                aria-label={t('chart.act.problem')}
                onClick={() => open({ kind: 'problem', patient: chart.patient.id })}
                data-testid="chart-problem"
              >
                <IconPlus size={15} />
              </ActionIcon>
            </Tooltip>
          )
        }
      />
      <SideList
        title={t('chart.allergies')}
        items={chart.allergies}
        none={t('chart.noAllergies')}
        danger
        testId="chart-allergy-list"
      />
      <SideList
        title={t('chart.side.medications')}
        items={chart.medications}
        none={t('chart.side.noMedications')}
        testId="chart-medications"
      />
    </aside>
  );
}

function SideList({
  title,
  items,
  none,
  act,
  change,
  danger = false,
  testId,
}: {
  title: string;
  items: readonly ClinicalItem[];
  none: string;
  act?: ReactNode;
  change?: (item: ClinicalItem) => void;
  danger?: boolean;
  testId: string;
}) {
  const { t } = useWords();
  const id = useId();
  const [past, setPast] = useState(false);
  const active = items.filter((item) => item.active);
  const rest = items.filter((item) => !item.active);
  return (
    <section className={css.list} aria-labelledby={id} data-testid={testId}>
      <header className={css.listHead}>
        <h3 id={id}>{title}</h3>
        {act}
      </header>
      {items.length === 0 && <p className="dim small">{none}</p>}
      <ul>
        {active.map((item) => (
          <Line key={item.reference} item={item} danger={danger && warns(item)} change={change} />
        ))}
        {past &&
          rest.map((item) => (
            <Line key={item.reference} item={item} danger={false} change={change} />
          ))}
      </ul>
      {rest.length > 0 && (
        <UnstyledButton
          className={css.past}
          aria-expanded={past}
          onClick={() => setPast((was) => !was)}
        >
          {past ? t('chart.side.hidePast') : t('chart.side.past', { count: rest.length })}
        </UnstyledButton>
      )}
    </section>
  );
}

function Line({
  item,
  danger,
  change,
}: {
  item: ClinicalItem;
  danger: boolean;
  change: ((item: ClinicalItem) => void) | undefined;
}) {
  const { t } = useWords();
  const { time } = useClinic();
  const small = [
    item.detail,
    item.active ? null : item.status,
    item.since ? t('chart.side.since', { date: time.date(item.since) }) : null,
    item.by ? t('chart.side.by', { name: item.by }) : null,
  ].filter((part): part is string => part !== null && part !== '');
  return (
    <li className={css.item} data-past={!item.active || undefined}>
      <div className={css.line}>
        <p className={danger ? css.danger : undefined} title={item.code ?? undefined}>
          <bdi>{item.text}</bdi> <StandingMark standing={item.standing} />
        </p>
        {change && (
          <ActionIcon
            size={24}
            aria-label={t('problem.change', { problem: item.text })}
            onClick={() => change(item)}
            data-testid="problem-change"
          >
            <IconPencil size={14} />
          </ActionIcon>
        )}
      </div>
      {small.length > 0 && <p className="dim small">{small.join(' · ')}</p>}
    </li>
  );
}
