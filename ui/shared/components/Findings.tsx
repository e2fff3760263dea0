// Why two records may be one person's, in words.
import type { FindingView } from '../bindings.ts';
import { useWords } from '../words/index.ts';

const ORDER = ['same', 'close', 'crossed', 'apart'] as const;

/** What agrees, nearly agrees and differs; what neither has is not said. */
export function Findings({ findings }: { findings: readonly FindingView[] }) {
  const { t } = useWords();
  return (
    <>
      {ORDER.map((agreement) => {
        const list = findings
          .filter((one) => one.agreement === agreement)
          .map((one) => t(`same.element.${one.element}`));
        return (
          list.length > 0 && (
            <span key={agreement} data-agreement={agreement}>
              {t(`same.agreement.${agreement}`, { list: list.join(', ') })}
            </span>
          )
        );
      })}
    </>
  );
}
