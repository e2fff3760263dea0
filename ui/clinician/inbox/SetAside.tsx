// Work that was not sent when its chart left this computer: what it was, where it is now, and what
// the user can do.
import { Button } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import type { SetAsideView } from '../../shared/bindings.ts';
import { FaultNote } from '../../shared/components/FaultNote.tsx';
import { useAction } from '../../shared/hooks/use-action.tsx';
import { useNow } from '../../shared/hooks/use-now.ts';
import { useAgo } from '../../shared/hooks/use-spans.ts';
import { ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from '../frame/clinic.tsx';
import css from './InboxScreen.module.css';
import { Head } from './parts.tsx';

/** Work that was set aside. */
export function SetAside({ aside }: { aside: SetAsideView }) {
  const { t } = useWords();
  const { time } = useClinic();
  const now = useNow();
  const ago = useAgo();
  const note = useAction(async () => {
    await ipc.noteSetAside(aside.id);
    notifications.show({ message: t('inbox.setAsideNoted') });
  });
  const parts = [
    aside.changes > 0 && t('inbox.setAsideChanges', { count: aside.changes }),
    aside.drafts > 0 && t('inbox.setAsideDrafts', { count: aside.drafts }),
    aside.records > 0 && t('inbox.setAsideRecords', { count: aside.records }),
  ].filter((part) => part !== false);
  const what = parts.join(', ');
  return (
    <article className={css.item} data-testid="set-aside" data-handed={aside.handed || undefined}>
      <Head
        title={aside.name === null ? what : `${what} · ${aside.name}`}
        reference={aside.patient === null ? '' : `Patient/${aside.patient}`}
        when={t('inbox.setAsideAt', {
          time: time.shortly(aside.madeAt, now),
          ago: ago(aside.madeAt, now),
        })}
      />
      <div className={css.reason}>
        <p>{t('inbox.setAsideWhat')}</p>
        <p>{t(aside.handed ? 'inbox.setAsideHanded' : 'inbox.setAsideWaits')}</p>
        <p>{t('inbox.setAsideAct')}</p>
        <p className="dim small">{t('inbox.what', { reference: aside.id })}</p>
      </div>
      <footer className={css.foot}>
        <Button
          onClick={() => note.run()}
          loading={note.running}
          disabled={!aside.handed}
          data-testid="set-aside-noted"
        >
          {t('inbox.setAsideNote')}
        </Button>
      </footer>
      {note.fault && (
        <div className={css.pad}>
          <FaultNote fault={note.fault} compact />
        </div>
      )}
    </article>
  );
}
