// A change that the server refused: why, since when, and the two ways out.
import { Button, Modal } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useState } from 'react';
import type { RefusedView } from '../../shared/bindings.ts';
import { FaultNote } from '../../shared/components/FaultNote.tsx';
import { useAction } from '../../shared/hooks/use-action.tsx';
import { useNow } from '../../shared/hooks/use-now.ts';
import { useAgo } from '../../shared/hooks/use-spans.ts';
import { ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from '../frame/clinic.tsx';
import css from './InboxScreen.module.css';
import { Head } from './parts.tsx';

/** A refused change. */
export function Refused({ refused }: { refused: RefusedView }) {
  const { t } = useWords();
  const { time } = useClinic();
  const now = useNow();
  const ago = useAgo();
  const [asking, setAsking] = useState(false);
  const retry = useAction(async () => {
    await ipc.retryRefused(refused.id);
    notifications.show({ message: t('inbox.retried') });
  });
  const giveUp = useAction(async () => {
    await ipc.giveUpRefused(refused.id);
    setAsking(false);
    notifications.show({ message: t('inbox.gaveUp') });
  });
  const fault = retry.fault ?? giveUp.fault;
  return (
    <article className={css.item} data-testid="refused" data-refused={refused.id}>
      <Head
        title={refused.title}
        reference={refused.reference}
        when={t('inbox.madeAt', {
          time: time.shortly(refused.madeAt, now),
          ago: ago(refused.madeAt, now),
        })}
      />
      <p className={css.reason}>{refused.reason}</p>
      <footer className={css.foot}>
        <Button onClick={() => retry.run()} loading={retry.running} data-testid="retry">
          {t('inbox.retry')}
        </Button>
        <Button
          variant="light"
          color="red"
          onClick={() => setAsking(true)}
          disabled={retry.running}
          data-testid="give-up"
        >
          {t('inbox.giveUp')}
        </Button>
      </footer>
      {fault && (
        <div className={css.pad}>
          <FaultNote fault={fault} compact />
        </div>
      )}
      <Modal
        opened={asking}
        onClose={() => setAsking(false)}
        title={t('inbox.giveUpTitle')}
        closeButtonProps={{ 'aria-label': t('common.close') }}
      >
        <p>{t('inbox.giveUpBody', { title: refused.title })}</p>
        <div className={css.ask}>
          <Button variant="default" onClick={() => setAsking(false)} data-autofocus>
            {t('common.cancel')}
          </Button>
          <Button
            color="red"
            loading={giveUp.running}
            onClick={() => giveUp.run()}
            data-testid="give-up-confirm"
          >
            {t('inbox.giveUp')}
          </Button>
        </div>
      </Modal>
    </article>
  );
}
