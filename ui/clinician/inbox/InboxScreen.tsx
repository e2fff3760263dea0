// What needs a person: two versions of one record, changes that the server refused, what came and
// could not be read, records that are likely one person's, and work whose chart left. Nothing is
// decided here without being shown first.
import { useEffect, useRef } from 'react';
import { Empty } from '../../shared/components/Empty.tsx';
import { FaultNote } from '../../shared/components/FaultNote.tsx';
import { Page } from '../../shared/components/Page.tsx';
import { SkeletonRows } from '../../shared/components/SkeletonRows.tsx';
import { useView } from '../../shared/hooks/use-view.ts';
import { faultOf, ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import { useSession } from '../frame/session.tsx';
import { Conflict } from './Conflict.tsx';
import { Merges } from './Merges.tsx';
import { Pair } from './Pair.tsx';
import { Group } from './parts.tsx';
import { Refused } from './Refused.tsx';
import { SetAside } from './SetAside.tsx';
import { Unreadable } from './Unreadable.tsx';

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
  const count = sync ? sync.needsYou + sync.duplicates : undefined;
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
  const all = view
    ? view.conflicts.length +
      view.refused.length +
      view.unreadable.length +
      view.pairs.length +
      view.setAside.length
    : 0;
  return (
    <Page title={t('inbox.title')} testId="inbox">
      {inbox.error && <FaultNote fault={faultOf(inbox.error)} again={() => inbox.refetch()} />}
      {!view && !inbox.error && <SkeletonRows rows={8} columns={[2, 3, 3, 3]} height={40} />}
      {view && all === 0 && <Empty title={t('inbox.empty')} hint={t('inbox.emptyHint')} />}
      {view && view.conflicts.length > 0 && (
        <Group
          title={t('inbox.conflicts')}
          hint={t('inbox.conflictsHint')}
          count={view.conflicts.length}
        >
          {view.conflicts.map((conflict) => (
            <Conflict key={conflict.id} conflict={conflict} />
          ))}
        </Group>
      )}
      {view && view.refused.length > 0 && (
        <Group title={t('inbox.refused')} hint={t('inbox.refusedHint')} count={view.refused.length}>
          {view.refused.map((refused) => (
            <Refused key={refused.id} refused={refused} />
          ))}
        </Group>
      )}
      {view && view.setAside.length > 0 && (
        <Group
          title={t('inbox.setAside')}
          hint={t('inbox.setAsideHint')}
          count={view.setAside.length}
        >
          {view.setAside.map((aside) => (
            <SetAside key={aside.id} aside={aside} />
          ))}
        </Group>
      )}
      {view && view.unreadable.length > 0 && (
        <Group
          title={t('inbox.unreadable')}
          hint={t('inbox.unreadableHint')}
          count={view.unreadable.length}
        >
          {view.unreadable.map((entry) => (
            <Unreadable key={entry.reference} entry={entry} />
          ))}
        </Group>
      )}
      {view && view.pairs.length > 0 && (
        <Group title={t('same.pairs')} hint={t('same.pairsHint')} count={view.pairs.length}>
          {view.pairs.map((pair) => (
            <Pair key={`${pair.one.patient.id} ${pair.other.patient.id}`} pair={pair} />
          ))}
        </Group>
      )}
      {view && view.merges.length > 0 && <Merges merges={view.merges} />}
    </Page>
  );
}
