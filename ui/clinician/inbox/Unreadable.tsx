// What came from the server and could not be read: what it is called, since when, and asking
// for it again.
import { Button } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import type { UnreadableView } from '../../shared/bindings.ts';
import { FaultNote } from '../../shared/components/FaultNote.tsx';
import { useAction } from '../../shared/hooks/use-action.tsx';
import { useNow } from '../../shared/hooks/use-now.ts';
import { useAgo } from '../../shared/hooks/use-spans.ts';
import { ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from '../frame/clinic.tsx';
import css from './InboxScreen.module.css';
import { Head } from './parts.tsx';

/** An entry that could not be read. */
export function Unreadable({ entry }: { entry: UnreadableView }) {
  const { t } = useWords();
  const { time } = useClinic();
  const now = useNow();
  const ago = useAgo();
  const fetch = useAction(async () => {
    await ipc.fetchAgain(entry.reference);
    notifications.show({ message: t('inbox.fetched') });
  });
  return (
    <article className={css.item} data-testid="unreadable" data-reference={entry.reference}>
      <Head
        title={entry.title}
        reference={entry.reference}
        when={t('inbox.arrivedAt', {
          time: time.shortly(entry.arrivedAt, now),
          ago: ago(entry.arrivedAt, now),
        })}
      />
      <div className={css.reason}>
        <p>{entry.reason}</p>
        <p className="dim small">{t('inbox.what', { reference: entry.reference })}</p>
      </div>
      <footer className={css.foot}>
        <Button onClick={() => fetch.run()} loading={fetch.running} data-testid="fetch-again">
          {t('inbox.fetchAgain')}
        </Button>
      </footer>
      {fetch.fault && (
        <div className={css.pad}>
          <FaultNote fault={fetch.fault} compact />
        </div>
      )}
    </article>
  );
}
