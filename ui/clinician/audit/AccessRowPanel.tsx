// One access, whole, beside the list that it came from.
import { Button } from '@mantine/core';
import { type ReactNode, useEffect } from 'react';
import type { AccessRow } from '../../shared/bindings.ts';
import { PersonName } from '../../shared/components/PersonName.tsx';
import { useActionWords, usePurposeWords, useRoleWords } from '../../shared/hooks/use-names.ts';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from '../frame/clinic.tsx';
import { Panel } from '../frame/Panel.tsx';
import { usePlace } from '../frame/place.tsx';
import { useKept, useWorkspace } from '../frame/workspace.tsx';
import css from './AccessRowPanel.module.css';
import { type AuditAsked, START } from './asked.ts';
import { OutcomeCell, WhatCell, WhoCell } from './cells.tsx';

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return children === null || children === '' ? null : (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

/** Asks the audit for more like this row. */
function Only({ row }: { row: AccessRow }) {
  const { t } = useWords();
  const { go } = usePlace();
  const [asked, ask] = useKept<AuditAsked>('audit.asked', START);
  const only = (part: Partial<AuditAsked>) => {
    ask({ ...asked, ...part });
    go({ screen: 'audit' });
  };
  return (
    <div className={css.only}>
      {row.user !== null && (
        <Button
          variant="default"
          size="xs"
          onClick={() => only({ user: { id: row.user ?? '', name: row.userName } })}
          data-testid="only-user"
        >
          {t('access.onlyUser')}
        </Button>
      )}
      {row.patient !== null && (
        <Button
          variant="default"
          size="xs"
          onClick={() => only({ patient: { id: row.patient ?? '', name: row.patientName } })}
          data-testid="only-patient"
        >
          {t('access.onlyPatient')}
        </Button>
      )}
      <Button
        variant="default"
        size="xs"
        onClick={() => only({ action: row.actionCode })}
        data-testid="only-action"
      >
        {t('access.onlyAction')}
      </Button>
    </div>
  );
}

/** The panel of one access. */
export default function AccessRowPanel() {
  const { t } = useWords();
  const { time, can } = useClinic();
  const { close } = useWorkspace();
  const [row] = useKept<AccessRow | null>('access-row', null);
  const words = useActionWords();
  const role = useRoleWords();
  const purpose = usePurposeWords();
  useEffect(() => {
    if (!row) {
      close();
    }
  }, [row, close]);
  if (!row) {
    return null;
  }
  return (
    <Panel title={t('access.details')} aside={words(row.actionCode)} testId="access-row">
      <dl className={css.facts}>
        <Fact name={t('access.when')}>
          <time dateTime={row.at}>
            {time.date(row.at)}, {time.wall(row.at).slice(11)}
          </time>
        </Fact>
        <Fact name={t('access.who')}>
          <WhoCell row={row} />
        </Fact>
        <Fact name={t('access.role')}>{row.role && role(row.role)}</Fact>
        <Fact name={t('access.what')}>
          <WhatCell row={row} />
        </Fact>
        <Fact name={t('access.outcome')}>
          <OutcomeCell row={row} />
        </Fact>
        <Fact name={t('access.patient')}>
          {row.patientName ? <PersonName name={row.patientName} /> : row.patient}
        </Fact>
        <Fact name={t('access.explanation')}>{row.explanation}</Fact>
        <Fact name={t('access.justification')}>
          {row.justification && <q dir="auto">{row.justification}</q>}
        </Fact>
        <Fact name={t('access.purpose')}>{row.purpose && purpose(row.purpose)}</Fact>
        <Fact name={t('access.device')}>{row.deviceName}</Fact>
        <Fact name={t('access.address')}>{row.address}</Fact>
        <Fact name={t('access.code')}>
          <code>{row.actionCode}</code>
        </Fact>
        <Fact name={t('access.event')}>
          <code>{row.id}</code>
        </Fact>
      </dl>
      {can('read-audit') && <Only row={row} />}
    </Panel>
  );
}
