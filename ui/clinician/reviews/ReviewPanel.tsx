// Something to review: what happened, the audit behind it, and the finding that closes it.
import { Button, Radio, Textarea, UnstyledButton } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useQueryClient } from '@tanstack/react-query';
import { type FormEvent, useEffect, useState } from 'react';
import type { AccessRow, ReviewFinding, ReviewView } from '../../shared/bindings.ts';
import { FaultNote } from '../../shared/components/FaultNote.tsx';
import { PersonName } from '../../shared/components/PersonName.tsx';
import { SkeletonRows } from '../../shared/components/SkeletonRows.tsx';
import { useAction } from '../../shared/hooks/use-action.tsx';
import { useNow } from '../../shared/hooks/use-now.ts';
import { usePages } from '../../shared/hooks/use-pages.ts';
import { faultOf, ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import { fits } from '../access/reason.ts';
import { OutcomeCell, WhatCell } from '../audit/cells.tsx';
import { useClinic } from '../frame/clinic.tsx';
import { Panel } from '../frame/Panel.tsx';
import { useKept, useWorkspace } from '../frame/workspace.tsx';
import { behind } from './behind.ts';
import css from './ReviewPanel.module.css';

const FINDINGS = ['justified', 'unjustified', 'technical'] as const;
const SHORTEST = 3;
const LONGEST = 2000;

function Behind({ review }: { review: ReviewView }) {
  const { t } = useWords();
  const { time } = useClinic();
  const { open } = useWorkspace();
  const now = useNow();
  const [, show] = useKept<AccessRow | null>('access-row', null);
  const pages = usePages(['review-rows', review.id], (cursor) =>
    ipc.accessReport({ ...behind(review), cursor }),
  );
  const rows = pages.data?.pages.flatMap((page) => page.rows) ?? [];
  const fault = pages.error && faultOf(pages.error);
  return (
    <section className={css.section} data-testid="review-rows">
      <h3>{t('reviews.rows')}</h3>
      {!pages.data && !fault && <SkeletonRows rows={3} columns={[2, 5, 2]} />}
      {fault && <FaultNote fault={fault} again={() => void pages.refetch()} compact />}
      {pages.data && rows.length === 0 && <p className="dim">{t('reviews.noRows')}</p>}
      {rows.length > 0 && (
        <ol className={css.rows}>
          {rows.map((row) => (
            <li key={row.id}>
              <UnstyledButton
                className={css.row}
                data-this={row.id === review.event || undefined}
                title={row.id === review.event ? t('reviews.theOne') : undefined}
                onClick={() => {
                  show(row);
                  open({ kind: 'access-row', id: row.id });
                }}
                data-testid="review-audit-row"
              >
                <time dateTime={row.at} className="num">
                  {time.shortly(row.at, now)}
                </time>
                <WhatCell row={row} />
                <OutcomeCell row={row} />
              </UnstyledButton>
            </li>
          ))}
        </ol>
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
    </section>
  );
}

interface Written {
  readonly finding: ReviewFinding | null;
  readonly words: string;
}

const NOTHING: Written = { finding: null, words: '' };

function Close({ review }: { review: ReviewView }) {
  const { t } = useWords();
  const { close } = useWorkspace();
  const client = useQueryClient();
  const [written, write] = useKept<Written>(`closing ${review.id}`, NOTHING);
  const [tried, setTried] = useState(false);
  const act = useAction(async (finding: ReviewFinding) => {
    await ipc.closeReview({ id: review.id, finding, words: written.words.trim() });
    write(NOTHING);
    notifications.show({ message: t('reviews.done') });
    close();
    await client.invalidateQueries({ queryKey: ['reviews'] });
  });
  const right = fits(written.words, SHORTEST, LONGEST);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (written.finding && right) {
      void act.run(written.finding);
    }
  };
  return (
    <form className={css.section} onSubmit={submit} noValidate data-testid="review-close">
      <h3>{t('reviews.close')}</h3>
      <Radio.Group
        label={t('reviews.finding')}
        value={written.finding}
        onChange={(finding) => write({ ...written, finding: finding as ReviewFinding })}
        error={tried && !written.finding ? t('reviews.findingMissing') : null}
      >
        <div className={css.findings}>
          {FINDINGS.map((finding) => (
            <Radio
              key={finding}
              size="sm"
              value={finding}
              label={t(`reviews.findings.${finding}`)}
              data-testid={`finding-${finding}`}
            />
          ))}
        </div>
      </Radio.Group>
      <Textarea
        label={t('reviews.words')}
        value={written.words}
        onChange={(event) => write({ ...written, words: event.currentTarget.value })}
        error={tried && !right ? t('reviews.wordsWrong', { min: SHORTEST, max: LONGEST }) : null}
        autosize
        minRows={3}
        maxRows={12}
        data-testid="review-words"
      />
      {act.fault && <FaultNote fault={act.fault} compact />}
      <Button
        type="submit"
        loading={act.running}
        className={css.submit}
        data-testid="review-submit"
      >
        {t('reviews.submit')}
      </Button>
    </form>
  );
}

/** The panel of one review. */
export default function ReviewPanel() {
  const { t } = useWords();
  const { time } = useClinic();
  const { close } = useWorkspace();
  const [review] = useKept<ReviewView | null>('review', null);
  useEffect(() => {
    if (!review) {
      close();
    }
  }, [review, close]);
  if (!review) {
    return null;
  }
  const { closed } = review;
  return (
    <Panel
      title={t(`reviews.kinds.${review.kind}`)}
      aside={`${t('reviews.opened')} ${time.dateTime(review.openedAt)}`}
      testId="review"
    >
      <p className="dim">{t(`reviews.explain.${review.kind}`)}</p>
      <dl className={css.facts}>
        {review.userName && (
          <>
            <dt>{t('access.who')}</dt>
            <dd>
              <PersonName name={review.userName} />
            </dd>
          </>
        )}
        {(review.patientName ?? review.patient) && (
          <>
            <dt>{t('access.patient')}</dt>
            <dd>
              <bdi>{review.patientName ?? review.patient}</bdi>
            </dd>
          </>
        )}
        {review.deviceName && (
          <>
            <dt>{t('access.device')}</dt>
            <dd>{review.deviceName}</dd>
          </>
        )}
        <dt>{t('reviews.said')}</dt>
        <dd dir="auto">{review.words}</dd>
      </dl>
      <Behind review={review} />
      {closed ? (
        <section className={css.section} data-testid="review-closed">
          <h3>{t('reviews.closedBy', { name: closed.by, time: time.dateTime(closed.at) })}</h3>
          <p className={css.found}>{t(`reviews.findings.${closed.finding}`)}</p>
          <p dir="auto">{closed.words}</p>
        </section>
      ) : (
        <Close review={review} />
      )}
    </Panel>
  );
}
