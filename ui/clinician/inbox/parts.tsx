// What the entries of the inbox share.
import { Button } from '@mantine/core';
import type { ReactNode } from 'react';
import { IconAlertTriangle } from '../../shared/components/icons.ts';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from '../frame/clinic.tsx';
import { usePlace } from '../frame/place.tsx';
import css from './InboxScreen.module.css';

/** Opens the chart of the patient that a record is about, where the record is the patient. */
export function ChartButton({ reference }: { reference: string }) {
  const { t } = useWords();
  const { can } = useClinic();
  const { go } = usePlace();
  const [type, id] = reference.split('/');
  if (type !== 'Patient' || !id || !can('read-chart')) {
    return null;
  }
  return (
    <Button variant="subtle" size="xs" onClick={() => go({ screen: 'chart', patient: id })}>
      {t('inbox.openChart')}
    </Button>
  );
}

/** The head of an entry: what it is, since when. */
export function Head({
  title,
  when,
  reference,
}: {
  title: string;
  when?: ReactNode;
  reference?: string;
}) {
  return (
    <header className={css.head}>
      <IconAlertTriangle size={18} aria-hidden />
      <h3>
        <bdi>{title}</bdi>
      </h3>
      {when && <span className="dim small">{when}</span>}
      {reference && <ChartButton reference={reference} />}
    </header>
  );
}

/** Entries of one kind, with what they have in common. */
export function Group({
  title,
  hint,
  count,
  children,
}: {
  title: string;
  hint: string;
  count: number;
  children: ReactNode;
}) {
  return (
    <section className={css.group}>
      <div>
        <h2>
          {title} <span className="dim num">{count}</span>
        </h2>
        <p className="dim small">{hint}</p>
      </div>
      {children}
    </section>
  );
}
