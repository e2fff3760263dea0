import { ActionIcon, Tooltip } from '@mantine/core';
import type { ChartView } from '../../shared/bindings.ts';
import { IconAlertTriangle, IconPencil } from '../../shared/components/icons.ts';
import { PersonName } from '../../shared/components/PersonName.tsx';
import { StandingMark } from '../../shared/components/Standing.tsx';
import { useWords } from '../../shared/words/index.ts';
import { Granted } from '../access/Granted.tsx';
import { useClinic } from '../frame/clinic.tsx';
import { useWorkspace } from '../frame/workspace.tsx';
import { warns } from './allergies.ts';
import css from './Chart.module.css';

/** Who this is. Always in sight, so that nobody writes into the wrong chart. */
export function Banner({ chart, ended }: { chart: ChartView; ended: () => unknown }) {
  const { t } = useWords();
  const { can, time } = useClinic();
  const { open } = useWorkspace();
  const { patient } = chart;
  const warned = chart.allergies.filter(warns);
  const stated = chart.allergies.find((item) => item.active);
  const sex = patient.sex as 'female' | 'male' | 'other' | 'unknown' | null;
  const facts = [
    patient.age,
    sex ? t(`sex.${sex}`) : null,
    patient.birthDate
      ? t('chart.born', { date: time.date(patient.birthDate) })
      : t('chart.noBirthDate'),
    patient.mrn ? t('chart.mrn', { mrn: patient.mrn }) : t('chart.noMrn'),
    patient.phone,
    chart.address,
  ].filter((fact): fact is string => fact !== null && fact !== '');
  return (
    <header className={css.banner} data-testid="chart-banner">
      <div className={css.who}>
        <h1 className={css.name} data-testid="chart-name">
          <PersonName name={patient.name} />
          <StandingMark standing={patient.standing} />
        </h1>
        <ul className={css.facts}>
          {facts.map((fact) => (
            <li key={fact}>{fact}</li>
          ))}
          {can('edit-patients') && (
            <li>
              <Tooltip label={t('chart.edit')}>
                <ActionIcon
                  size={22}
                  aria-label={t('chart.edit')}
                  onClick={() => open({ kind: 'patient-form', patient: patient.id })}
                  data-testid="chart-edit"
                >
                  <IconPencil size={14} />
                </ActionIcon>
              </Tooltip>
            </li>
          )}
        </ul>
      </div>
      <div className={css.warnings}>
        {chart.access && <Granted access={chart.access} ended={ended} />}
        {warned.length > 0 ? (
          <p className={css.allergy} data-testid="chart-allergies">
            <IconAlertTriangle size={15} aria-hidden />
            <span>
              {t('chart.allergyBanner', { list: warned.map((item) => item.text).join(', ') })}
            </span>
          </p>
        ) : (
          <p className="dim small">{stated?.text ?? t('chart.noAllergies')}</p>
        )}
        {chart.flags.map((flag) => (
          <p key={flag} className={css.flag}>
            {flag}
          </p>
        ))}
      </div>
    </header>
  );
}
