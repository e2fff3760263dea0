// What needs a person: two versions of one record side by side, and changes that the server
// refused. Nothing is decided here without being shown first.
import { Button, Modal } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useEffect, useRef, useState } from 'react';
import type { Choice, ConflictField, ConflictView, RefusedView } from '../../shared/bindings.ts';
import { Empty } from '../../shared/components/Empty.tsx';
import { FaultNote } from '../../shared/components/FaultNote.tsx';
import { IconAlertTriangle } from '../../shared/components/icons.ts';
import { Page } from '../../shared/components/Page.tsx';
import { SkeletonRows } from '../../shared/components/SkeletonRows.tsx';
import { useAction } from '../../shared/hooks/use-action.tsx';
import { useNow } from '../../shared/hooks/use-now.ts';
import { useView } from '../../shared/hooks/use-view.ts';
import { faultOf, ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from '../frame/clinic.tsx';
import { usePlace } from '../frame/place.tsx';
import { useSession } from '../frame/session.tsx';
import { difference, pathWords } from './difference.ts';
import css from './InboxScreen.module.css';

function Value({ text, other }: { text: string | null; other: string | null }) {
  const { t } = useWords();
  if (text === null || text === '') {
    return <span className="dim">{t('inbox.absent')}</span>;
  }
  let at = 0;
  return (
    <span className={css.value} dir="auto">
      {difference(text, other ?? '').map((piece) => {
        const key = at;
        at += piece.text.length;
        return piece.changed ? <mark key={key}>{piece.text}</mark> : piece.text;
      })}
    </span>
  );
}

function FieldRow({ field }: { field: ConflictField }) {
  const { t } = useWords();
  return (
    <tr data-touching={field.touching || undefined}>
      <th scope="row" title={field.path}>
        {pathWords(field.path)}
        <span className={css.kind}>{field.touching ? t('inbox.touching') : t('inbox.merged')}</span>
      </th>
      <td className={css.base}>
        {field.base === null || field.base === '' ? (
          <span className="dim">{t('inbox.absent')}</span>
        ) : (
          <span className={css.value} dir="auto">
            {field.base}
          </span>
        )}
      </td>
      <td>
        <Value text={field.mine} other={field.touching ? field.theirs : field.base} />
      </td>
      <td>
        <Value text={field.theirs} other={field.touching ? field.mine : field.base} />
      </td>
    </tr>
  );
}

/** Opens the chart of the patient that a record is about, where the record is the patient. */
function ChartButton({ reference }: { reference: string }) {
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

function Conflict({ conflict }: { conflict: ConflictView }) {
  const { t } = useWords();
  const { time } = useClinic();
  const now = useNow();
  const settle = useAction(async (choice: Choice) => {
    await ipc.settleConflict(conflict.id, choice);
    notifications.show({ message: t('inbox.settled') });
  });
  const fields = [...conflict.fields].sort((a, b) => Number(b.touching) - Number(a.touching));
  return (
    <article className={css.item} data-testid="conflict" data-conflict={conflict.id}>
      <header className={css.head}>
        <IconAlertTriangle size={18} aria-hidden />
        <h3>
          <bdi>{conflict.title}</bdi>
        </h3>
        <ChartButton reference={conflict.reference} />
      </header>
      <div className={css.scroll}>
        <table className={css.table}>
          <thead>
            <tr>
              <th scope="col">{t('inbox.field')}</th>
              <th scope="col">{t('inbox.before')}</th>
              <th scope="col">
                {t('inbox.mine')}
                <span className={css.kind}>
                  {t('inbox.mineAt', { time: time.shortly(conflict.mineAt, now) })}
                </span>
              </th>
              <th scope="col">
                {t('inbox.theirs')}
                <span className={css.kind}>
                  {t('inbox.theirsAt', { time: time.shortly(conflict.theirsAt, now) })}
                </span>
              </th>
            </tr>
          </thead>
          <tbody>
            {fields.map((field) => (
              <FieldRow key={field.path} field={field} />
            ))}
          </tbody>
        </table>
      </div>
      <footer className={css.foot}>
        <Button
          variant="default"
          onClick={() => settle.run('keep-mine')}
          loading={settle.running}
          data-testid="keep-mine"
        >
          {t('inbox.keepMine')}
        </Button>
        <Button
          variant="default"
          onClick={() => settle.run('keep-theirs')}
          disabled={settle.running}
          data-testid="keep-theirs"
        >
          {t('inbox.keepTheirs')}
        </Button>
        <span className="dim small">{t('inbox.keepHint')}</span>
      </footer>
      {settle.fault && (
        <div className={css.pad}>
          <FaultNote fault={settle.fault} compact />
        </div>
      )}
    </article>
  );
}

function Refused({ refused }: { refused: RefusedView }) {
  const { t } = useWords();
  const { time } = useClinic();
  const now = useNow();
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
      <header className={css.head}>
        <IconAlertTriangle size={18} aria-hidden />
        <h3>
          <bdi>{refused.title}</bdi>
        </h3>
        <span className="dim small">
          {t('inbox.madeAt', { time: time.shortly(refused.madeAt, now) })}
        </span>
        <ChartButton reference={refused.reference} />
      </header>
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

/** The Inbox screen. */
export function InboxScreen() {
  const { t } = useWords();
  const inbox = useView({
    key: ['inbox'],
    read: (cause) => ipc.inbox(cause),
    // Any record may come into conflict.
    on: { types: [], always: true },
  });
  // A verdict of the server comes with the connection's state.
  const { sync } = useSession();
  const count = sync?.needsYou;
  const { refetch } = inbox;
  const seen = useRef(count);
  useEffect(() => {
    const before = seen.current;
    seen.current = count;
    if (before !== undefined && before !== count) {
      void refetch();
    }
  }, [count, refetch]);
  const view = inbox.data;
  return (
    <Page title={t('inbox.title')} testId="inbox">
      {inbox.error && <FaultNote fault={faultOf(inbox.error)} again={() => inbox.refetch()} />}
      {!view && !inbox.error && <SkeletonRows rows={8} columns={[2, 3, 3, 3]} height={40} />}
      {view && view.conflicts.length === 0 && view.refused.length === 0 && (
        <Empty title={t('inbox.empty')} hint={t('inbox.emptyHint')} />
      )}
      {view && view.conflicts.length > 0 && (
        <section className={css.group}>
          <h2>{t('inbox.conflicts')}</h2>
          {view.conflicts.map((conflict) => (
            <Conflict key={conflict.id} conflict={conflict} />
          ))}
        </section>
      )}
      {view && view.refused.length > 0 && (
        <section className={css.group}>
          <h2>{t('inbox.refused')}</h2>
          {view.refused.map((refused) => (
            <Refused key={refused.id} refused={refused} />
          ))}
        </section>
      )}
    </Page>
  );
}
