// What the security officer has to look at: emergency accesses, and signs of tampering.
import { Button, SegmentedControl } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import type { ReviewKind, ReviewView } from '../../shared/bindings.ts';
import { Empty } from '../../shared/components/Empty.tsx';
import { FaultNote } from '../../shared/components/FaultNote.tsx';
import {
  IconAlertTriangle,
  IconShieldCheck,
  IconShieldExclamation,
  IconUrgent,
} from '../../shared/components/icons.ts';
import { Page } from '../../shared/components/Page.tsx';
import { PersonName } from '../../shared/components/PersonName.tsx';
import { SkeletonRows } from '../../shared/components/SkeletonRows.tsx';
import { useNow } from '../../shared/hooks/use-now.ts';
import { usePages } from '../../shared/hooks/use-pages.ts';
import { faultOf, ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from '../frame/clinic.tsx';
import { tellOpenReviews } from '../frame/open-reviews.ts';
import { ServerFault } from '../frame/ServerFault.tsx';
import { useKept, useWorkspace } from '../frame/workspace.tsx';
import { ageOf } from './behind.ts';
import css from './ReviewsScreen.module.css';

const ICONS: Record<ReviewKind, typeof IconUrgent> = {
  emergency: IconUrgent,
  'chain-broken': IconAlertTriangle,
  'device-reset': IconAlertTriangle,
  'ledger-broken': IconShieldExclamation,
  'proof-refused': IconShieldExclamation,
  'call-forged': IconShieldExclamation,
  'work-set-aside': IconAlertTriangle,
};

/** Moves the focus between rows with the arrows. */
function arrows(event: React.KeyboardEvent<HTMLElement>): void {
  if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') {
    return;
  }
  const rows: Element[] = [...event.currentTarget.querySelectorAll('button')];
  const at = document.activeElement ? rows.indexOf(document.activeElement) : -1;
  const next = rows[at + (event.key === 'ArrowDown' ? 1 : -1)];
  if (next instanceof HTMLElement) {
    event.preventDefault();
    next.focus();
  }
}

function Row({ review, now }: { review: ReviewView; now: Date }) {
  const { t } = useWords();
  const { time } = useClinic();
  const { open, panel } = useWorkspace();
  const [, show] = useKept<ReviewView | null>('review', null);
  const Icon = review.closed ? IconShieldCheck : ICONS[review.kind];
  const age = ageOf(review.openedAt, now);
  const shown = panel?.kind === 'review' && panel.id === review.id;
  return (
    <li>
      <button
        type="button"
        className={css.row}
        aria-current={shown || undefined}
        onClick={() => {
          show(review);
          open({ kind: 'review', id: review.id });
        }}
        data-testid="review-row"
        data-review={review.id}
        data-kind={review.kind}
      >
        <Icon size={20} aria-hidden className={css.icon} data-open={!review.closed || undefined} />
        <span className={css.main}>
          <span className={css.kind}>
            {t(`reviews.kinds.${review.kind}`)}
            {review.closed && (
              <span className={css.finding}>{t(`reviews.findings.${review.closed.finding}`)}</span>
            )}
          </span>
          <span className={`${css.words} one-line`} dir="auto" title={review.words}>
            {review.words}
          </span>
        </span>
        <span className={css.who}>
          <PersonName name={review.userName ?? review.deviceName ?? t('access.system')} />
          {(review.patientName ?? review.patient) && (
            <span className="dim small one-line">
              <bdi>{review.patientName ?? review.patient}</bdi>
            </span>
          )}
        </span>
        <span className={css.age}>
          <span>{t('reviews.age', { age: t(`reviews.${age.unit}`, { count: age.count }) })}</span>
          <time dateTime={review.openedAt} className="dim small">
            {time.shortly(review.openedAt, now)}
          </time>
        </span>
      </button>
    </li>
  );
}

/** The screen *Needs review*. */
export function ReviewsScreen() {
  const { t } = useWords();
  const now = useNow();
  const client = useQueryClient();
  const [closed, setClosed] = useKept('reviews.closed', false);
  const pages = usePages(['reviews', closed], (cursor) => ipc.reviews(closed, cursor));
  const view = pages.data;
  const open = view?.pages[view.pages.length - 1]?.open;
  useEffect(() => {
    if (open !== undefined) {
      tellOpenReviews(client, open);
    }
  }, [client, open]);
  const items = view?.pages.flatMap((page) => page.items) ?? [];
  const fault = pages.error && faultOf(pages.error);
  return (
    <Page
      title={t('reviews.title')}
      testId="reviews"
      aside={open !== undefined && open > 0 && t('reviews.openCount', { count: open })}
      actions={
        <SegmentedControl
          aria-label={t('reviews.which')}
          value={closed ? 'closed' : 'open'}
          onChange={(next) => setClosed(next === 'closed')}
          data={[
            { value: 'open', label: t('reviews.open') },
            { value: 'closed', label: t('reviews.closed') },
          ]}
          data-testid="reviews-which"
        />
      }
    >
      {!view && fault && (
        <ServerFault
          fault={fault}
          hint={t('reviews.offlineHint')}
          again={() => void pages.refetch()}
        />
      )}
      {!view && !fault && <SkeletonRows rows={5} columns={[5, 3, 1]} height={56} />}
      {view && fault && <FaultNote fault={fault} again={() => void pages.refetch()} compact />}
      {view && items.length === 0 && (
        <Empty
          title={t(closed ? 'reviews.noneClosed' : 'reviews.none')}
          hint={t(closed ? 'reviews.noneClosedHint' : 'reviews.noneHint')}
        />
      )}
      {items.length > 0 && (
        <ul
          className={css.list}
          onKeyDown={arrows}
          data-dimmed={pages.isPlaceholderData || undefined}
        >
          {items.map((review) => (
            <Row key={review.id} review={review} now={now} />
          ))}
        </ul>
      )}
      {pages.hasNextPage && (
        <Button
          variant="subtle"
          size="xs"
          loading={pages.isFetchingNextPage}
          onClick={() => void pages.fetchNextPage()}
        >
          {t('common.showMore')}
        </Button>
      )}
    </Page>
  );
}
