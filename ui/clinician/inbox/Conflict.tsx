// Two versions of one record side by side, and what comes of them: one, the other, or both
// element by element with the result beside them.
import { Button } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useState } from 'react';
import type { Choice, ConflictField, ConflictSide, ConflictView } from '../../shared/bindings.ts';
import { FaultNote } from '../../shared/components/FaultNote.tsx';
import { useAction } from '../../shared/hooks/use-action.tsx';
import { useNow } from '../../shared/hooks/use-now.ts';
import { ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from '../frame/clinic.tsx';
import { chosen, firstSides, resultOf, type Sides, undecided } from './combining.ts';
import { difference, pathWords } from './difference.ts';
import css from './InboxScreen.module.css';
import { Head } from './parts.tsx';

function Plain({ text }: { text: string | null }) {
  const { t } = useWords();
  return text === null || text === '' ? (
    <span className="dim">{t('inbox.absent')}</span>
  ) : (
    <span className={css.value} dir="auto">
      {text}
    </span>
  );
}

function Value({ text, other }: { text: string | null; other: string | null }) {
  if (text === null || text === '') {
    return <Plain text={text} />;
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

function FieldRow({
  field,
  group,
  sides,
  onChoose,
}: {
  field: ConflictField;
  group: string;
  sides: Sides | null;
  onChoose: (side: ConflictSide) => void;
}) {
  const { t } = useWords();
  const result = sides && resultOf(field, sides);
  const name = pathWords(field.path);
  const cell = (side: ConflictSide) => {
    const [text, other] = side === 'mine' ? [field.mine, field.theirs] : [field.theirs, field.mine];
    const value = <Value text={text} other={field.touching ? other : field.base} />;
    if (!sides || !field.touching) {
      return value;
    }
    return (
      <label className={css.choice}>
        <input
          type="radio"
          name={`${group} ${field.path}`}
          checked={sides[field.path] === side}
          onChange={() => onChoose(side)}
          aria-label={t(side === 'mine' ? 'inbox.takeMine' : 'inbox.takeTheirs', { field: name })}
          data-testid={`take-${side}`}
        />
        {value}
      </label>
    );
  };
  return (
    <tr data-touching={field.touching || undefined}>
      <th scope="row" title={field.path}>
        {name}
        <span className={css.kind}>{field.touching ? t('inbox.touching') : t('inbox.merged')}</span>
      </th>
      <td className={css.base}>
        <Plain text={field.base} />
      </td>
      <td>{cell('mine')}</td>
      <td>{cell('theirs')}</td>
      {sides && (
        <td className={css.result} data-testid="result">
          {result ? (
            <Plain text={result.text} />
          ) : (
            <span className={css.open}>{t('inbox.undecided')}</span>
          )}
        </td>
      )}
    </tr>
  );
}

function Side({ title, by, when }: { title: string; by: string | null; when: string }) {
  const { t } = useWords();
  return (
    <th scope="col">
      {title}
      <span className={css.kind}>
        <bdi>{by ? t('inbox.by', { name: by, when }) : when}</bdi>
      </span>
    </th>
  );
}

/** Two versions of one record. */
export function Conflict({ conflict }: { conflict: ConflictView }) {
  const { t } = useWords();
  const { time } = useClinic();
  const now = useNow();
  const [sides, setSides] = useState<Sides | null>(null);
  const settle = useAction(async (choice: Choice) => {
    await ipc.settleConflict(conflict.id, choice);
    notifications.show({ message: t('inbox.settled') });
  });
  const combine = useAction(async (taken: Sides) => {
    await ipc.combineConflict({ id: conflict.id, fields: chosen(conflict.fields, taken) });
    notifications.show({ message: t('inbox.settled') });
  });
  const fields = [...conflict.fields].sort((a, b) => Number(b.touching) - Number(a.touching));
  const deleted = conflict.mineDeleted || conflict.theirsDeleted;
  const canCombine = !deleted && fields.some((field) => field.touching);
  const open = sides ? undecided(fields, sides) : 0;
  const running = settle.running || combine.running;
  const fault = settle.fault ?? combine.fault;
  return (
    <article className={css.item} data-testid="conflict" data-conflict={conflict.id}>
      <Head title={conflict.title} reference={conflict.reference} />
      {deleted && (
        <p className={css.reason}>
          {t(conflict.mineDeleted ? 'inbox.mineDeleted' : 'inbox.theirsDeleted')}
        </p>
      )}
      {fields.length === 0 && !deleted && <p className={css.reason}>{t('inbox.closed')}</p>}
      <section
        className={css.scroll}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls is reached by keyboard
        tabIndex={0}
        aria-label={t('inbox.sides', { title: conflict.title })}
      >
        <table className={css.table} data-combining={sides ? true : undefined}>
          <thead>
            <tr>
              <th scope="col">{t('inbox.field')}</th>
              <th scope="col">{t('inbox.before')}</th>
              <Side
                title={t('inbox.mine')}
                by={conflict.mineBy}
                when={t('inbox.mineAt', { time: time.shortly(conflict.mineAt, now) })}
              />
              <Side
                title={t('inbox.theirs')}
                by={conflict.theirsBy}
                when={t('inbox.theirsAt', { time: time.shortly(conflict.theirsAt, now) })}
              />
              {sides && <th scope="col">{t('inbox.result')}</th>}
            </tr>
          </thead>
          <tbody>
            {!deleted &&
              fields.map((field) => (
                <FieldRow
                  key={field.path}
                  field={field}
                  group={conflict.id}
                  sides={sides}
                  onChoose={(side) => setSides((was) => ({ ...was, [field.path]: side }))}
                />
              ))}
          </tbody>
        </table>
      </section>
      {sides ? (
        <footer className={css.foot}>
          <Button
            onClick={() => combine.run(sides)}
            loading={combine.running}
            disabled={open > 0}
            data-testid="combine-save"
          >
            {t('inbox.combineSave')}
          </Button>
          <Button
            variant="default"
            onClick={() => setSides(null)}
            disabled={combine.running}
            data-testid="combine-cancel"
          >
            {t('inbox.combineCancel')}
          </Button>
          <span className="dim small" role="status">
            {open > 0 ? t('inbox.combineLeft', { count: open }) : t('inbox.combineReady')}
          </span>
        </footer>
      ) : (
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
            disabled={running}
            data-testid="keep-theirs"
          >
            {t('inbox.keepTheirs')}
          </Button>
          {canCombine && (
            <Button
              variant="default"
              onClick={() => setSides(firstSides(fields))}
              disabled={running}
              data-testid="combine"
            >
              {t('inbox.combine')}
            </Button>
          )}
          <span className="dim small">{t('inbox.keepHint')}</span>
        </footer>
      )}
      {fault && (
        <div className={css.pad}>
          <FaultNote fault={fault} compact />
        </div>
      )}
    </article>
  );
}
