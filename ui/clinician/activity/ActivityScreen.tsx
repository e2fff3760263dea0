// What this computer recorded, and what is still to be sent.
import { Button, TextInput } from '@mantine/core';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useMemo, useRef, useState } from 'react';
import type { EventLine } from '../../shared/bindings.ts';
import { Card } from '../../shared/components/Card.tsx';
import { Empty } from '../../shared/components/Empty.tsx';
import { FaultNote } from '../../shared/components/FaultNote.tsx';
import { IconCheck, IconSearch } from '../../shared/components/icons.ts';
import { Page } from '../../shared/components/Page.tsx';
import { PersonName } from '../../shared/components/PersonName.tsx';
import { SkeletonRows } from '../../shared/components/SkeletonRows.tsx';
import { StandingMark } from '../../shared/components/Standing.tsx';
import { useActionWords } from '../../shared/hooks/use-names.ts';
import { useNow } from '../../shared/hooks/use-now.ts';
import { useView } from '../../shared/hooks/use-view.ts';
import { faultOf, ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from '../frame/clinic.tsx';
import { LedgerWords } from '../frame/LedgerWords.tsx';
import { useSession } from '../frame/session.tsx';
import css from './ActivityScreen.module.css';

const STEP = 200;
/** The program lists no more than this. */
const MOST = 500;
const ROW = 32;

function Events({ events, allSent }: { events: readonly EventLine[]; allSent: boolean }) {
  const { t } = useWords();
  const { time } = useClinic();
  const words = useActionWords();
  const now = useNow();
  const scroll = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: events.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => ROW,
    overscan: 16,
  });
  const items = virtual.getVirtualItems();
  const before = items[0]?.start ?? 0;
  const after = virtual.getTotalSize() - (items[items.length - 1]?.end ?? 0);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls is reached by keyboard
    <section ref={scroll} className={css.scroll} tabIndex={0} aria-label={t('activity.events')}>
      <table className={css.table} aria-rowcount={events.length + 1}>
        <thead>
          <tr>
            <th scope="col" className={css.number}>
              {t('activity.number')}
            </th>
            <th scope="col" className={css.at}>
              {t('activity.at')}
            </th>
            <th scope="col">{t('activity.action')}</th>
            <th scope="col">{t('activity.patient')}</th>
            <th scope="col" className={css.sent}>
              {t('activity.sent')}
            </th>
          </tr>
        </thead>
        <tbody>
          {before > 0 && (
            <tr aria-hidden>
              <td colSpan={5} style={{ height: before, padding: 0 }} />
            </tr>
          )}
          {items.map((item) => {
            const event = events[item.index];
            return (
              event && (
                <tr key={event.number} data-testid="event" data-action={event.action}>
                  <td className={`${css.number} num`}>{event.number}</td>
                  <td className={`${css.at} num`}>
                    <time dateTime={event.at}>{time.shortly(event.at, now)}</time>
                  </td>
                  <td className="one-line">{words(event.action)}</td>
                  <td>{event.patient && <PersonName name={event.patient} />}</td>
                  <td className={css.sent}>
                    {event.sent || allSent ? (
                      <>
                        <IconCheck size={14} aria-hidden />
                        <span className="unseen">{t('activity.sent')}</span>
                      </>
                    ) : (
                      <span className={css.unsent}>{t('activity.notSent')}</span>
                    )}
                  </td>
                </tr>
              )
            );
          })}
          {after > 0 && (
            <tr aria-hidden>
              <td colSpan={5} style={{ height: after, padding: 0 }} />
            </tr>
          )}
        </tbody>
      </table>
    </section>
  );
}

/** The Activity screen. */
export function ActivityScreen() {
  const { t } = useWords();
  const { time } = useClinic();
  const { sync } = useSession();
  const words = useActionWords();
  const now = useNow();
  const [limit, setLimit] = useState(STEP);
  const [filter, setFilter] = useState('');
  const activity = useView({
    key: ['activity', limit],
    read: () => ipc.activity(limit),
    on: { types: [], always: true },
    keepLast: true,
  });
  // What waits changes with the outbox, not with records alone. The count of audit events must
  // not draw this again: reading it is itself an event, and the two would chase each other.
  const waiting = sync?.toSend;
  const { refetch } = activity;
  const seen = useRef(waiting);
  useEffect(() => {
    if (seen.current !== waiting) {
      seen.current = waiting;
      void refetch();
    }
  }, [waiting, refetch]);
  const allSent = sync?.auditToSend === 0;
  const view = activity.data;
  const query = filter.trim().toLocaleLowerCase();
  const events = useMemo(
    () =>
      (view?.events ?? []).filter(
        (event) =>
          query === '' ||
          `${words(event.action)} ${event.patient ?? ''}`.toLocaleLowerCase().includes(query),
      ),
    [view, query, words],
  );
  return (
    <Page
      title={t('activity.title')}
      aside={<p className="one-line">{t('activity.lead')}</p>}
      fixed
      testId="activity"
    >
      {activity.error && !view && (
        <FaultNote fault={faultOf(activity.error)} again={() => activity.refetch()} />
      )}
      {!view && !activity.error && <SkeletonRows rows={14} columns={[1, 2, 4, 4, 1]} />}
      {view && (
        <div className={css.columns}>
          <div className={css.side}>
            <Card title={t('activity.waiting')} testId="waiting">
              {view.waiting.length === 0 ? (
                <p className={css.nothing}>{t('activity.nothingWaits')}</p>
              ) : (
                <ul className={css.waiting}>
                  {view.waiting.map((line) => (
                    <li key={line.id} data-testid="waiting-line">
                      <bdi className={css.title}>{line.title}</bdi>
                      <span className={css.line}>
                        <StandingMark standing={line.standing} words />
                        <span className="dim small num">
                          {t('activity.madeAt', { time: time.shortly(line.madeAt, now) })}
                          {line.tries > 0 && ` · ${t('activity.tries', { count: line.tries })}`}
                        </span>
                      </span>
                    </li>
                  ))}
                </ul>
              )}
            </Card>
            {sync?.ledger && (
              <Card title={t('ledger.title')} testId="activity-ledger">
                <LedgerWords ledger={sync.ledger} />
              </Card>
            )}
          </div>
          <div className={css.events}>
            <div className={css.bar}>
              <h2>{t('activity.events')}</h2>
              <TextInput
                className={css.filter}
                aria-label={t('activity.filter')}
                placeholder={t('activity.filter')}
                leftSection={<IconSearch size={16} aria-hidden />}
                value={filter}
                onChange={(event) => setFilter(event.currentTarget.value)}
                data-search
                data-testid="activity-filter"
              />
            </div>
            {view.events.length === 0 ? (
              <Empty title={t('activity.noEvents')} hint={t('activity.noEventsHint')} />
            ) : events.length === 0 ? (
              <Empty title={t('activity.noMatch', { query: filter.trim() })} />
            ) : (
              <Events events={events} allSent={allSent} />
            )}
            {view.more && limit >= MOST && (
              <p className={`dim small ${css.more}`} data-testid="activity-most">
                {t('activity.most', { count: MOST })}
              </p>
            )}
            {view.more && limit < MOST && (
              <div className={css.more}>
                <Button
                  variant="subtle"
                  size="xs"
                  loading={activity.isPlaceholderData}
                  onClick={() => setLimit(Math.min(MOST, limit + STEP))}
                >
                  {t('common.showMore')}
                </Button>
              </div>
            )}
          </div>
        </div>
      )}
    </Page>
  );
}
