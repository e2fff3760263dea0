// A link for the patient.
import { Button } from '@mantine/core';
import { useState } from 'react';
import type { InvitationView } from '../../shared/bindings.ts';
import { FaultNote } from '../../shared/components/FaultNote.tsx';
import { useAction } from '../../shared/hooks/use-action.tsx';
import { ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from '../frame/clinic.tsx';
import { MadeLink } from './MadeLink.tsx';
import css from './Visits.module.css';

/** Makes a link and lets the user copy it. */
export function Link({ appointment, again }: { appointment: string; again: boolean }) {
  const { t } = useWords();
  const { time } = useClinic();
  const [made, setMade] = useState<InvitationView | null>(null);
  const make = useAction(async () => setMade(await ipc.inviteToVisit(appointment)));
  return (
    <div className={css.link}>
      <Button
        variant="default"
        size="xs"
        loading={make.running}
        onClick={() => make.run()}
        data-testid="visit-link-make"
      >
        {t(again ? 'visits.linkAgain' : 'visits.link')}
      </Button>
      {make.fault && <FaultNote fault={make.fault} compact />}
      {made && (
        <MadeLink
          invitation={made}
          label={t('visits.linkLabel')}
          until={t('visits.linkUntil', { time: time.shortly(made.until, new Date()) })}
          testId="visit-link"
        />
      )}
    </div>
  );
}
