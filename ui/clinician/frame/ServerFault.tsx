import { Button } from '@mantine/core';
import { useEffect, useRef } from 'react';
import type { Fault } from '../../shared/bindings.ts';
import { Empty } from '../../shared/components/Empty.tsx';
import { FaultNote } from '../../shared/components/FaultNote.tsx';
import { useWords } from '../../shared/words/index.ts';
import { useSession } from './session.tsx';

const OFFLINE = ['offline', 'server-offline'];

/**
 * Why something that the server keeps could not be read. Off line is a state, not an error: it
 * says so, and asks again by itself once the server can be reached.
 */
export function ServerFault({
  fault,
  hint,
  again,
}: {
  fault: Fault;
  /** Says why it is not on this computer. */
  hint: string;
  again: () => void;
}) {
  const { t } = useWords();
  const { sync } = useSession();
  const online = sync?.connection === 'online';
  const was = useRef(online);
  useEffect(() => {
    if (online && !was.current) {
      again();
    }
    was.current = online;
  }, [online, again]);
  if (!OFFLINE.includes(fault.code)) {
    return <FaultNote fault={fault} again={again} />;
  }
  return (
    <Empty title={t('access.offline')} hint={hint}>
      <Button variant="default" onClick={again} data-testid="offline-again">
        {t('common.tryAgain')}
      </Button>
    </Empty>
  );
}
