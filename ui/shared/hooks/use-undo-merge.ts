// Taking two merged records apart, from wherever the merge is seen.
import { notifications } from '@mantine/notifications';
import { ipc } from '../ipc.ts';
import { useWords } from '../words/index.ts';
import { useAction } from './use-action.tsx';

/** Undoes the merge of a record into another. */
export function useUndoMerge(replaced: string) {
  const { t } = useWords();
  return useAction(async () => {
    await ipc.undoMerge(replaced);
    notifications.show({ message: t('same.undone') });
  });
}
