import { useWords } from '../words/index.ts';

/** A name in its own script and direction, whole on hover, cut with an ellipsis if it must be. */
export function PersonName({ name, className }: { name: string; className?: string | undefined }) {
  const { t } = useWords();
  const shown = name.trim() === '' ? t('common.unnamed') : name;
  return (
    <bdi className={`one-line ${className ?? ''}`} title={shown}>
      {shown}
    </bdi>
  );
}
