// The latest merges, each to be undone.
import { Button } from '@mantine/core';
import type { MergedView } from '../../shared/bindings.ts';
import { FaultNote } from '../../shared/components/FaultNote.tsx';
import { PersonName } from '../../shared/components/PersonName.tsx';
import { StandingMark } from '../../shared/components/Standing.tsx';
import { useNow } from '../../shared/hooks/use-now.ts';
import { useUndoMerge } from '../../shared/hooks/use-undo-merge.ts';
import { useWords } from '../../shared/words/index.ts';
import { useClinic } from '../frame/clinic.tsx';
import css from './InboxScreen.module.css';

function Merge({ merge }: { merge: MergedView }) {
  const { t } = useWords();
  const { time } = useClinic();
  const now = useNow();
  const { replaced } = merge;
  const undo = useUndoMerge(replaced.id);
  return (
    <li className={css.merge} data-testid="merge" data-replaced={replaced.id}>
      <span className={css.merged}>
        <PersonName name={replaced.name} />
        <span className="dim small num">
          {[
            replaced.mrn ? t('same.mrn', { mrn: replaced.mrn }) : t('same.noMrn'),
            time.date(replaced.birthDate),
          ]
            .filter(Boolean)
            .join(' · ')}
        </span>
      </span>
      <span className={css.into}>
        <bdi>{t('same.mergedInto', { name: replaced.replacedBy?.name ?? '' })}</bdi>
        <StandingMark standing={replaced.standing} />
      </span>
      <span className="dim small num">{time.shortly(merge.changedAt, now)}</span>
      <Button
        variant="default"
        size="xs"
        onClick={() => undo.run()}
        loading={undo.running}
        data-testid="undo-merge"
      >
        {t('same.undo')}
      </Button>
      {undo.fault && <FaultNote fault={undo.fault} compact />}
    </li>
  );
}

/** The latest merges. */
export function Merges({ merges }: { merges: readonly MergedView[] }) {
  const { t } = useWords();
  return (
    <section className={css.group} data-testid="merges">
      <div>
        <h2>
          {t('same.merges')} <span className="dim num">{merges.length}</span>
        </h2>
        <p className="dim small">{t('same.mergesHint')}</p>
      </div>
      <ul className={css.item}>
        {merges.map((merge) => (
          <Merge key={merge.replaced.id} merge={merge} />
        ))}
      </ul>
    </section>
  );
}
