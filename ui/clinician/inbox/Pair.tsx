// Two records that are likely one person's, side by side: merged, or told apart for good.
import { Button } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { type ReactNode, useState } from 'react';
import type { PairField, PairSide, PairView } from '../../shared/bindings.ts';
import { FaultNote } from '../../shared/components/FaultNote.tsx';
import { Findings } from '../../shared/components/Findings.tsx';
import { PersonName } from '../../shared/components/PersonName.tsx';
import { StandingMark } from '../../shared/components/Standing.tsx';
import { useAction } from '../../shared/hooks/use-action.tsx';
import { useNow } from '../../shared/hooks/use-now.ts';
import { ipc } from '../../shared/ipc.ts';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from '../frame/clinic.tsx';
import { difference } from './difference.ts';
import css from './InboxScreen.module.css';
import { type Choices, formOf, proposed, resultOf, type Source } from './merging.ts';
import { ChartButton, Head } from './parts.tsx';

const SIDES = ['one', 'other'] as const;

function Said({ text, other }: { text: string | null; other: string | null }) {
  const { t } = useWords();
  if (text === null) {
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

function useMrn() {
  const { t } = useWords();
  return (side: PairSide) =>
    side.patient.mrn ? t('same.mrn', { mrn: side.patient.mrn }) : t('same.noMrn');
}

function Column({ side, choice }: { side: PairSide; choice: ReactNode }) {
  const { t } = useWords();
  const { time } = useClinic();
  const now = useNow();
  const mrn = useMrn();
  return (
    <th scope="col">
      {choice}
      <span className={css.person}>
        <PersonName name={side.patient.name} />
        <StandingMark standing={side.patient.standing} />
      </span>
      <span className={css.kind}>
        {mrn(side)}, {t('same.changed', { time: time.shortly(side.changedAt, now) })}
      </span>
      <ChartButton reference={`Patient/${side.patient.id}`} />
    </th>
  );
}

function Holdings({ side }: { side: PairSide }) {
  const { t } = useWords();
  const clinical =
    side.notes === null || side.clinical === null
      ? [t('same.closed')]
      : [t('same.notes', { count: side.notes }), t('same.clinical', { count: side.clinical })];
  return [t('same.appointments', { count: side.appointments }), ...clinical].join(', ');
}

function Choice({
  group,
  checked,
  label,
  testId,
  onChoose,
  children,
}: {
  group: string;
  checked: boolean;
  label: string;
  testId: string;
  onChoose: () => void;
  children: ReactNode;
}) {
  return (
    <label className={css.choice}>
      <input
        type="radio"
        name={group}
        checked={checked}
        onChange={onChoose}
        aria-label={label}
        data-testid={testId}
      />
      {children}
    </label>
  );
}

function FieldRow({
  field,
  group,
  choices,
  onChoose,
}: {
  field: PairField;
  group: string;
  choices: Choices | null;
  onChoose: (source: Source) => void;
}) {
  const { t } = useWords();
  const name = t(`same.field.${field.element as 'name'}`, { defaultValue: field.element });
  const chosen = choices?.sources[field.element];
  const choice = (source: Source, label: string, content: ReactNode) =>
    choices ? (
      <Choice
        group={`${group} ${field.element}`}
        checked={chosen === source}
        label={label}
        testId={`pick-${source}`}
        onChoose={() => onChoose(source)}
      >
        {content}
      </Choice>
    ) : (
      content
    );
  return (
    <tr data-element={field.element}>
      <th scope="row">{name}</th>
      {SIDES.map((side) => {
        const said = field[side];
        const value = said?.replaceAll('\n', ', ') ?? t('same.nothing');
        return (
          <td key={side}>
            {choice(
              side,
              t('same.take', { field: name, value }),
              <Said text={said} other={side === 'one' ? field.other : field.one} />,
            )}
          </td>
        );
      })}
      {choices && (
        <td className={css.result} data-testid="merge-result">
          <span className={css.value} dir="auto">
            {resultOf(field, choices) ?? t('inbox.absent')}
          </span>
          {field.isList &&
            field.one !== null &&
            field.other !== null &&
            choice('both', t('same.takeBoth', { field: name }), t('same.both'))}
        </td>
      )}
    </tr>
  );
}

/** Two records that are likely one person's. */
export function Pair({ pair }: { pair: PairView }) {
  const { t } = useWords();
  const mrn = useMrn();
  const [choices, setChoices] = useState<Choices | null>(null);
  const group = `${pair.one.patient.id} ${pair.other.patient.id}`;
  const merge = useAction(async (made: Choices) => {
    await ipc.mergePatients(formOf(pair, made));
    notifications.show({ message: t('same.merged') });
  });
  const apart = useAction(async () => {
    await ipc.keepApart(pair.one.patient.id, pair.other.patient.id);
    notifications.show({ message: t('same.apart') });
  });
  const fault = merge.fault ?? apart.fault;
  const names = { one: pair.one.patient.name, other: pair.other.patient.name };
  return (
    <article className={css.item} data-testid="pair" data-pair={group}>
      <Head title={t('same.pairOf', names)} />
      <p className={css.findings}>
        <Findings findings={pair.findings} />
      </p>
      <section
        className={css.scroll}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls is reached by keyboard
        tabIndex={0}
        aria-label={t('same.sides', names)}
      >
        <table className={css.table} data-combining={choices ? true : undefined}>
          <thead>
            <tr>
              <th scope="col">{choices ? t('same.whichStays') : t('same.record')}</th>
              {SIDES.map((side) => (
                <Column
                  key={side}
                  side={pair[side]}
                  choice={
                    choices && (
                      <Choice
                        group={`${group} survivor`}
                        checked={choices.survivor === side}
                        label={t('same.keeps', {
                          mrn: mrn(pair[side]),
                          name: pair[side].patient.name,
                        })}
                        testId={`survivor-${side}`}
                        onChoose={() => setChoices(proposed(pair, side))}
                      >
                        {t('same.stays')}
                      </Choice>
                    )
                  }
                />
              ))}
              {choices && <th scope="col">{t('same.result')}</th>}
            </tr>
          </thead>
          <tbody>
            <tr>
              <th scope="row">{t('same.has')}</th>
              {SIDES.map((side) => (
                <td key={side} data-testid={`holds-${side}`}>
                  <Holdings side={pair[side]} />
                </td>
              ))}
              {choices && <td className={css.result} />}
            </tr>
            {pair.fields.map((field) => (
              <FieldRow
                key={field.element}
                field={field}
                group={group}
                choices={choices}
                onChoose={(source) =>
                  setChoices(
                    (was) =>
                      was && { ...was, sources: { ...was.sources, [field.element]: source } },
                  )
                }
              />
            ))}
          </tbody>
        </table>
      </section>
      <footer className={css.foot}>
        {choices ? (
          <>
            <Button
              onClick={() => merge.run(choices)}
              loading={merge.running}
              data-testid="merge-save"
            >
              {t('same.merge')}
            </Button>
            <Button
              variant="default"
              onClick={() => setChoices(null)}
              disabled={merge.running}
              data-testid="merge-back"
            >
              {t('same.back')}
            </Button>
            <span className="dim small">{t('same.mergeHint')}</span>
          </>
        ) : (
          <>
            <Button
              variant="default"
              onClick={() => setChoices(proposed(pair))}
              disabled={apart.running}
              data-testid="same-person"
            >
              {t('same.isSame')}
            </Button>
            <Button
              variant="default"
              onClick={() => apart.run()}
              loading={apart.running}
              data-testid="two-people"
            >
              {t('same.notSame')}
            </Button>
            {pair.fields.length === 0 && <span className="dim small">{t('same.alike')}</span>}
          </>
        )}
      </footer>
      {fault && (
        <div className={css.pad}>
          <FaultNote fault={fault} compact />
        </div>
      )}
    </article>
  );
}
